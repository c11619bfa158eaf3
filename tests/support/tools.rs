//! Programs that a machine may or may not have.

use std::{
    env,
    ffi::OsString,
    net::UdpSocket,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Program, skip, skip_missing};

/// Where on the path the program `name` is.
pub(crate) fn find_command(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Whether `name` can be run.
pub(crate) fn command_exists(name: &str) -> bool {
    find_command(name).is_some()
}

/// Whether `name` can be run. Skips if it cannot.
pub(crate) fn has_command(name: &str) -> bool {
    let exists = command_exists(name);
    if !exists {
        skip_missing(name);
    }
    exists
}

/// A system tool. Skips where it is not installed.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Option<Command> {
    if !has_command(name) {
        return None;
    }
    let mut command = Command::new(name);
    command.args(arguments);
    Some(command)
}

/// A Python program of `tests/python`. Skips where there is no Python.
pub(crate) fn python(script: &str) -> Option<Command> {
    let python = interpreter();
    if !Path::new(&python).is_file() && !python.to_str().is_some_and(command_exists) {
        skip_missing("python3");
        return None;
    }
    let mut command = Command::new(python);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    command.arg("-u").arg(folder.join(script));
    Some(command)
}

/// The same, for a program that imports `module`.
pub(crate) fn python_with(module: &str, script: &str) -> Option<Command> {
    python(script).filter(|_| has_module(module))
}

/// Whether Python has `module`. Skips where it has not.
pub(crate) fn has_module(module: &str) -> bool {
    let mut import = Command::new(interpreter());
    import.args(["-c", &format!("import {module}")]);
    let imported = Program::start(import).finish();
    if imported.code == Some(0) {
        return true;
    }
    // Any other error means that the module is there and broken.
    assert!(imported.stderr.contains("ModuleNotFoundError"), "{}", imported.stderr);
    skip_missing(module);
    false
}

/// `WIRELAB_TEST_PYTHON` may name a Python that has more modules than the one on the path.
pub(crate) fn interpreter() -> OsString {
    env::var_os("WIRELAB_TEST_PYTHON").unwrap_or_else(|| "python3".into())
}

/// The loopback addresses of this machine, as URLs write them.
pub(crate) fn loopbacks() -> Vec<&'static str> {
    if UdpSocket::bind("[::1]:0").is_ok() {
        vec!["127.0.0.1", "[::1]"]
    } else {
        skip("no IPv6 on this machine");
        vec!["127.0.0.1"]
    }
}
