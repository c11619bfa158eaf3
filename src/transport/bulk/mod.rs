//! Bulk data: messages in both directions as fast as a transport takes them, and no faster.
//!
//! Beside [`Channel`](super::Channel), whose sends never wait because a schedule decides over them. A transport is
//! one [`Outgoing`], one [`Incoming`] and a line in each of [`connect`] and [`listen`].

mod connect;
mod framed;
mod udp;

use std::fmt;

use bytes::Bytes;

pub use self::connect::{BulkAcceptor, BulkSettings, connect, listen};
pub(crate) use self::framed::{FramedIncoming, FramedOutgoing, read_message};
use super::{ChannelError, Recovery};
use crate::{path::BoxFuture, wire::transfer::PIECE_BYTES};

/// Sends messages.
pub trait Outgoing: Send {
    /// Hands over one message, and waits until the transport has taken it.
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>>;

    /// Nothing more will be sent: waits until the peer has what was, where the transport can know.
    fn finish(&mut self) -> BoxFuture<'_, ()>;
}

/// Receives messages.
pub trait Incoming: Send {
    /// The next message, in whatever order the transport has. It may not be dropped before it completes.
    fn recv(&mut self) -> BoxFuture<'_, Result<Bytes, ChannelError>>;
}

/// One end of a transport, for bulk data.
pub struct Bulk {
    /// Sends.
    pub outgoing: Box<dyn Outgoing>,
    /// Receives.
    pub incoming: Box<dyn Incoming>,
    /// What it is like.
    pub nature: Nature,
    /// What it has done so far to recover from loss.
    pub recovery: Box<dyn Fn() -> Recovery + Send>,
}

impl Bulk {
    /// Its two halves and what they are like.
    pub fn ends(&mut self) -> (&mut dyn Outgoing, &mut dyn Incoming, Nature) {
        (&mut *self.outgoing, &mut *self.incoming, self.nature)
    }
}

/// What a transfer must know of its transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    /// Every message arrives, or the connection breaks.
    pub reliable: bool,
    /// The largest message.
    pub message_bytes: usize,
}

impl Nature {
    /// Messages of any size arrive.
    pub const RELIABLE: Self =
        Self { reliable: true, message_bytes: PIECE_BYTES + crate::wire::transfer::TRANSFER_HEADER_BYTES };

    /// Datagrams that hold so much may arrive.
    pub const fn datagrams(message_bytes: usize) -> Self {
        Self { reliable: false, message_bytes }
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("nature", &self.nature).finish_non_exhaustive()
    }
}
