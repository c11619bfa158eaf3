//! Why a search, or a wait for queries, cannot begin.

use std::io;

use crate::target::Family;

/// Why a search, or a wait for queries, cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The system does not list its interfaces.
    #[error("cannot list the network interfaces: {0}")]
    Interfaces(io::Error),
    /// No interface but loopback is up and has an address.
    #[error(
        "no network to search: no interface but loopback is up and has an address (ip address lists them); --interface lo \
         searches this machine"
    )]
    NoInterface,
    /// No interface has an address of the requested family.
    #[error("no network to search: no interface has an {0} address (ip address lists them)")]
    NoAddress(Family),
    /// A named interface does not exist, is down, or has no address.
    #[error("no interface `{0}` that is up and has an address (ip address lists them)")]
    Unknown(String),
    /// No query could be sent on any interface.
    #[error("cannot send a query on {interface}: {source}")]
    Send {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The port cannot be opened: another program uses it and does not share it.
    #[error("cannot listen for queries on UDP port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}
