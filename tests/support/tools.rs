//! Programs that a machine may or may not have.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::Path,
    process::Command,
};

use super::Program;

/// Says that a test is skipped, and why.
pub(crate) fn skip(why: &str) {
    // Not `eprintln!`: what that prints is shown for failing tests only.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}

/// Whether `name` can be run.
pub(crate) fn command_exists(name: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(name).is_file())
}

/// A tool of the system, or `None`, said so, where it is not installed.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Option<Command> {
    if !command_exists(name) {
        skip(&format!("no {name} here"));
        return None;
    }
    let mut command = Command::new(name);
    command.args(arguments);
    Some(command)
}

/// A Python program of `tests/python`, or `None`, said so, where there is no Python.
pub(crate) fn python(script: &str) -> Option<Command> {
    let python = interpreter();
    if !Path::new(&python).is_file() && !python.to_str().is_some_and(command_exists) {
        skip(&format!("{script}: no {} here", python.display()));
        return None;
    }
    let mut command = Command::new(python);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    command.arg("-u").arg(folder.join(script));
    Some(command)
}

/// The same, for a program that imports `module`.
pub(crate) fn python_with(module: &str, script: &str) -> Option<Command> {
    let command = python(script)?;
    let mut import = Command::new(interpreter());
    import.args(["-c", &format!("import {module}")]);
    let imported = Program::start(import).finish();
    if imported.status.success() {
        return Some(command);
    }
    // Anything else would be a failure of the module, and not its absence.
    assert!(imported.stderr.contains("ModuleNotFoundError"), "{}", imported.stderr);
    skip(&format!("{script}: Python has no {module} here"));
    None
}

/// `WIRELAB_TEST_PYTHON` may name a Python that has more modules than the one on the path.
fn interpreter() -> OsString {
    env::var_os("WIRELAB_TEST_PYTHON").unwrap_or_else(|| "python3".into())
}
