//! `wirelab link` in front of a server of the test.

use std::{
    net::{SocketAddr, UdpSocket},
    path::Path,
};

use serde_json::Value;

use super::{Program, program::PATIENCE, wirelab::wirelab};

/// A `wirelab link -J` that relays. It is killed when this is dropped.
pub(crate) struct Link {
    program: Program,
    pub(crate) address: SocketAddr,
}

impl Link {
    /// Relays from `listen` to the server at `to`.
    pub(crate) fn start(listen: &str, to: SocketAddr, options: &[&str]) -> Self {
        let to = to.to_string();
        let arguments = ["link", "-J", "--listen", listen, "--to", &to];
        let mut program = Program::start(wirelab(Path::new("/"), arguments.iter().chain(options)));
        let line = program.wait_for("relaying ");
        let address = line.split(' ').nth(1).and_then(|address| address.parse().ok());
        Self { program, address: address.unwrap_or_else(|| panic!("no address in {line:?}")) }
    }

    /// A socket connected to the relay.
    pub(crate) fn client(&self) -> UdpSocket {
        let socket = UdpSocket::bind((self.address.ip(), 0)).expect("a UDP socket");
        socket.connect(self.address).expect("a connected UDP socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket
    }

    /// Ends it with a signal and returns its report.
    pub(crate) fn stop(self, signal: &str) -> Value {
        self.program.signal(signal);
        self.finish()
    }

    /// Waits until it ends by itself and returns its report.
    pub(crate) fn finish(self) -> Value {
        let report = self.program.finish().succeeded();
        serde_json::from_str(&report).unwrap_or_else(|e| panic!("{e} in {report}"))
    }
}
