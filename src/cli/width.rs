//! How wide what is printed may be.

use super::system::terminal_columns;

/// Columns where there is no terminal.
pub(crate) const COLUMNS: usize = 100;

/// The width of the terminal on standard output, if it is one; `COLUMNS` in the environment comes first.
pub(crate) fn terminal_width() -> Option<usize> {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.or_else(terminal_columns).filter(|columns| *columns > 0)
}

/// The width for prose: that of the terminal, but at most a line that is easy to read.
pub(crate) fn text_width() -> usize {
    const MEASURE: usize = 100;
    terminal_width().unwrap_or(MEASURE).min(MEASURE)
}
