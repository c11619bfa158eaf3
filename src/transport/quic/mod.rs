//! QUIC by quinn (RFC 9000), over any host.

mod client;
mod meter;
mod screen;
mod server;
mod session;
mod settings;
mod spec;
mod tap;
mod worker_ids;

use quinn::VarInt;

pub(crate) use self::spec::DATAGRAM_BYTES;
pub use self::{
    client::QuicClient,
    screen::Discarded,
    server::{QuicKeys, QuicServer, listen, listen_sharing},
    session::QuicSession,
    settings::{QuicLimits, QuicSettings},
};

/// The application error by which a server says that a message is longer than it takes.
pub const TOO_LONG: VarInt = VarInt::from_u32(2);
