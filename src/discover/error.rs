//! Why servers cannot be searched, or a server cannot be found.

use std::io;

use crate::target::Family;

/// A search, or a wait for queries, could not begin.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The system does not list its interfaces.
    #[error("cannot list the network interfaces: {0}")]
    Interfaces(io::Error),
    /// There is no interface to ask on.
    #[error(
        "no network to search: no interface but loopback is up and has an address (ip address lists them); --interface lo \
         searches this machine"
    )]
    NoInterface,
    /// No interface has an address of the family that is wanted.
    #[error("no network to search: no interface has an {0} address (ip address lists them)")]
    NoAddress(Family),
    /// A named interface is not there, or is down.
    #[error("no interface `{0}` that is up and has an address (ip address lists them)")]
    Unknown(String),
    /// The query could be sent on no interface.
    #[error("cannot send a query on {interface}: {source}")]
    Send {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The port is taken by a program that does not share it.
    #[error("cannot listen for queries on UDP port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}
