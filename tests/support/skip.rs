//! Records what a test leaves out. cargo hides the output of tests that pass, so a skip must not depend on it.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write},
    thread,
};

/// Names the file to which every skip appends a line `test: reason`.
const RECORD: &str = "WIRELAB_TEST_SKIPS";

/// Records that this test, or the part that follows, is skipped. This is the only way to skip.
pub(crate) fn skip(reason: &str) {
    say(&format!("skipped: {reason}"));
    let Some(record) = env::var_os(RECORD) else { return };
    let thread = thread::current();
    let line = format!("{}: {}\n", thread.name().unwrap_or("?"), reason.trim().replace('\n', " "));
    let file = OpenOptions::new().create(true).append(true).open(&record);
    // One write, so that lines of different tests do not mix.
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|e| panic!("cannot record a skip in {}: {e}", record.display()));
}

/// Skips for want of a program or a Python module. `.ci/run` looks for this wording.
pub(crate) fn skip_missing(program: &str) {
    skip(&format!("{program} is not installed"));
}

/// Prints a line that is shown for tests that pass, too: libtest captures only what `eprintln!` prints.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
