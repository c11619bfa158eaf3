//! The program under test.

use std::{path::PathBuf, process::Command};

use super::{Finished, Program};

/// A `wirelab serve` that listens. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) port: u16,
    pub(crate) certificates: Certificates,
}

/// A folder for certificates, gone when this is dropped.
pub(crate) struct Certificates(tempfile::TempDir);

impl Server {
    /// Serves `service` on a free port of 127.0.0.1.
    pub(crate) fn start(scheme: &str, service: &str) -> Self {
        Self::start_with(&format!("{scheme}://127.0.0.1:0"), service, &[])
    }

    /// Serves `service` on one `url`, with more `options`.
    pub(crate) fn start_with(url: &str, service: &str, options: &[&str]) -> Self {
        let certificates = Certificates::new();
        let mut command = wirelab();
        command
            .args(["serve", url, "--service", service, "--certs"])
            .arg(certificates.folder())
            .args(options);
        let mut program = Program::start(command);
        let line = program.wait_for("listening on ");
        assert!(program.stdout().contains(&line), "scripts look for {line:?} on standard output");
        let port = port(&line).unwrap_or_else(|| panic!("no port in {line:?}"));
        Self { program, port, certificates }
    }
}

impl Certificates {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A CA and a server certificate, by `wirelab certs`.
    pub(crate) fn made() -> Self {
        let certificates = Self::new();
        let mut command = wirelab();
        command.args(["certs", "--certs"]).arg(certificates.folder());
        Program::start(command).finish().succeeded();
        certificates
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }

    pub(crate) fn server(&self) -> PathBuf {
        self.0.path().join("server.pem")
    }

    pub(crate) fn server_key(&self) -> PathBuf {
        self.0.path().join("server.key")
    }
}

/// Runs `wirelab send` to its end.
pub(crate) fn send(arguments: &[&str]) -> Finished {
    let mut command = wirelab();
    command.arg("send").args(arguments);
    Program::start(command).finish()
}

/// `wirelab`, to be told what to do.
pub(super) fn wirelab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wirelab"))
}

/// The port in `listening on udp://127.0.0.1:40000 (hello)`.
fn port(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("listening on ")?;
    let (address, _) = address.split_once(' ')?;
    url::Url::parse(address).ok()?.port()
}
