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
    meter::Meter,
    screen::Discarded,
    server::{QuicKeys, QuicServer, listen, listen_sharing},
    session::QuicSession,
    settings::{QuicLimits, QuicSettings},
    windows::Windows,
};

/// The application error by which a server says that a message is longer than it takes.
pub const TOO_LONG: VarInt = VarInt::from_u32(2);
