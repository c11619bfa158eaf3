//! Standard output for results, standard error for all else.

use std::io::{self, Write};

/// Writes a line of results and flushes it.
///
/// Returns an error if standard output cannot be written, for example because its reader has closed it.
pub(crate) fn line(line: impl AsRef<[u8]>) -> Result<(), OutputError> {
    raw(&[line.as_ref(), b"\n"].concat())
}

/// Writes results as they are.
///
/// As [`line`].
pub(crate) fn raw(bytes: &[u8]) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(OutputError)
}

/// Writes a note beside the results. Errors while writing to stderr are ignored.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Reports a problem on one line.
pub(crate) fn complain(problem: impl std::fmt::Display) {
    let text = problem.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    note(format_args!("wirelab: {}", printable(&lines.join(" "))));
}

/// Escapes control characters and characters that change the direction of text, so that text from a user or a server
/// cannot control the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        let is_direction =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || is_direction { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// Whether the reader of standard output has closed it, as `head` does. That is no failure.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<OutputError>())
        .any(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
}

/// Results could not be written. A type of its own, because sockets report broken pipes too.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(crate) struct OutputError(pub(crate) io::Error);
