//! `wirelab link` in front of a server of the test.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{Program, wirelab::wirelab};

/// A `wirelab link -J` that relays. It is killed when this is dropped.
pub(crate) struct Link {
    program: Program,
    pub(crate) address: SocketAddr,
}

impl Link {
    /// Relays from a free port of `listen` to the server at `to`.
    pub(crate) fn start(listen: &str, to: SocketAddr, options: &[&str]) -> Self {
        let mut command = wirelab();
        command.args(["link", "-J", "--listen", &format!("{listen}:0"), "--to", &to.to_string()]);
        command.args(options);
        let mut program = Program::start(command);
        let line = program.wait_for("relaying ");
        let address = line.split(' ').nth(1).and_then(|address| address.parse().ok());
        Self { program, address: address.unwrap_or_else(|| panic!("no address in {line:?}")) }
    }

    /// Ends it, and takes its report.
    pub(crate) fn report(self) -> Value {
        let mut interrupt = Command::new("kill");
        interrupt.args(["-INT", &self.program.id().to_string()]).stdin(Stdio::null());
        Program::start(interrupt).finish().succeeded();
        let report = self.program.finish().succeeded();
        serde_json::from_str(&report).unwrap_or_else(|e| panic!("{e} in {report}"))
    }
}
