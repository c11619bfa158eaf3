//! Why a message got no reply.

use std::{error::Error, fmt::Display, io, net::SocketAddr, time::Duration};

use quinn::{ReadError, WriteError};

use crate::{
    path::DatagramError,
    service::DEFAULT_MAX_MESSAGE,
    transport::{ConnectError, lost_reason, quic::TOO_LONG},
};

/// A message got no reply.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection could be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The datagram could not be sent, or its destination is unreachable.
    #[error(transparent)]
    Datagram(#[from] DatagramError),
    /// No reply came in time. The next message may get one.
    #[error(
        "no reply to {message:?} from {peer} within {} ({tries} {}){}",
        humantime::format_duration(*.after), if *.tries == 1 { "try" } else { "tries" },
        if *.shares_key { "; a server with another key does not answer" } else { "" }
    )]
    NoReply {
        /// The beginning of the message.
        message: String,
        /// The server.
        peer: String,
        /// Time limit of each try.
        after: Duration,
        /// Number of times that the message was sent.
        tries: u32,
        /// Whether the server answers only clients with its key.
        shares_key: bool,
    },
    /// On a byte stream a newline ends a message.
    #[error("cannot send {message:?} to {peer}: on this transport a newline ends a message; send two")]
    Newline {
        /// The beginning of the message.
        message: String,
        /// The server.
        peer: String,
    },
    /// A QUIC datagram must fit into a packet.
    #[error("cannot send to {peer}: {len} bytes are too large for one datagram, which holds {max}")]
    TooLarge {
        /// Bytes of the message.
        len: usize,
        /// Bytes that fit.
        max: usize,
        /// The server.
        peer: String,
    },
    /// The server speaks TLS, but the client does not.
    #[error("{peer} answers in TLS; is it a tls:// port?")]
    SpeaksTls {
        /// The server.
        peer: String,
    },
    /// The connection ended before the reply came.
    #[error("the connection to {peer} ended before the reply: {reason}")]
    Ended {
        /// The server.
        peer: String,
        /// The reason.
        reason: String,
    },
    /// The server refused a message of this length.
    #[error("{peer} refused a message of {len} bytes as too long (wirelab serve --max-message)")]
    TooLong {
        /// Bytes of the message.
        len: usize,
        /// The server.
        peer: String,
    },
    /// The reply exceeds the client's limit.
    #[error("the reply from {peer} is longer than {max} bytes")]
    ReplyTooLong {
        /// The server.
        peer: String,
        /// The limit.
        max: usize,
    },
}

/// Maximum bytes of a reply.
pub(crate) const MAX_REPLY: usize = 16 << 20;

/// The server, as errors name it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) url: String,
    pub(super) shares_key: bool,
}

impl Peer {
    pub(super) fn ended(&self, reason: &dyn Display) -> SendError {
        SendError::Ended { peer: self.url.clone(), reason: reason.to_string() }
    }

    /// The connection was lost.
    pub(super) fn lost(&self, error: &(dyn Error + 'static)) -> SendError {
        self.ended(&lost_reason(error))
    }

    /// The server closed the connection instead of answering a message of `len` bytes.
    pub(super) fn closed(&self, len: usize) -> SendError {
        if len > DEFAULT_MAX_MESSAGE {
            let reason = format!("the server closed it; {len} bytes may exceed its limit");
            return self.ended(&format_args!("{reason} (wirelab serve --max-message)"));
        }
        self.ended(&"the server closed it")
    }

    /// A byte stream failed before the reply to a message of `len` bytes.
    pub(super) fn broken(&self, len: usize, error: &io::Error) -> SendError {
        let cause = error.get_ref();
        let is_reset = matches!(cause.and_then(|e| e.downcast_ref()), Some(ReadError::Reset(TOO_LONG)));
        let is_stopped = matches!(cause.and_then(|e| e.downcast_ref()), Some(WriteError::Stopped(TOO_LONG)));
        if is_reset || is_stopped {
            return self.too_long(len);
        }
        match error.kind() {
            // The kernel and rustls give no more details.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => self.closed(len),
            io::ErrorKind::ConnectionReset if cause.is_none() => self.closed(len),
            _ => self.lost(error),
        }
    }

    pub(super) fn no_reply(&self, message: &[u8], after: Duration, tries: u32) -> SendError {
        let (message, peer, shares_key) = (beginning(message), self.url.clone(), self.shares_key);
        SendError::NoReply { message, peer, after, tries, shares_key }
    }

    pub(super) fn newline(&self, message: &[u8]) -> SendError {
        SendError::Newline { message: beginning(message), peer: self.url.clone() }
    }

    pub(super) fn too_long(&self, len: usize) -> SendError {
        SendError::TooLong { len, peer: self.url.clone() }
    }

    pub(super) fn reply_too_long(&self) -> SendError {
        SendError::ReplyTooLong { peer: self.url.clone(), max: MAX_REPLY }
    }
}

/// Enough of a message to recognise it.
fn beginning(message: &[u8]) -> String {
    const CHARS: usize = 40;
    let text = String::from_utf8_lossy(&message[..message.len().min(4 * CHARS)]);
    let mut short: String = text.chars().take(CHARS).collect();
    if short.len() < message.len() {
        short.push('…');
    }
    short
}
