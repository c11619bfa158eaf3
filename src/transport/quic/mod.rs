//! QUIC by quinn (RFC 9000), over any host.

mod client;
mod declared;
mod fixed;
mod meter;
mod metered;
mod recorder;
mod screen;
mod server;
mod session;
mod settings;
mod simulated_ids;
mod spec;
mod tap;
mod windows;
mod worker_ids;

use quinn::VarInt;

pub(crate) use self::spec::DATAGRAM_BYTES;
pub use self::{
    client::QuicClient,
    screen::Discarded,
    server::{QuicServer, listen},
    session::QuicSession,
    settings::{QuicLimits, QuicSettings},
};
pub(crate) use self::{
    meter::Meter,
    server::{QuicKeys, listen_sharing},
    windows::Windows,
};

/// The application error by which a server says that a message is longer than it takes.
pub(crate) const TOO_LONG: VarInt = VarInt::from_u32(2);
