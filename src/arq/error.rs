//! Errors of sending, and of a connection.

use std::time::Duration;

/// Why a message was not accepted for sending.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The handshake is in progress, so the peer's receive window is unknown.
    #[error("cannot send before the connection is established")]
    NotConnected,
    /// This end has closed the connection, or the connection has failed.
    #[error("the connection is closing or closed")]
    Closed,
    /// The send buffer is full. [`super::Event::Writable`] reports when it has room.
    #[error("the send buffer is full")]
    Full,
    /// The message exceeds the peer's receive window.
    #[error("a message of {bytes} bytes exceeds the peer's receive window of {segments} segments")]
    TooLarge {
        /// Length of the message.
        bytes: usize,
        /// The peer's receive window.
        segments: usize,
    },
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The handshake timed out.
    #[error("no answer to {hellos} hellos")]
    NoAnswer {
        /// Hellos sent.
        hellos: u32,
    },
    /// The server is at its connection limit.
    #[error("the server refused: it is at its limit of connections")]
    Refused,
    /// The peer reset the connection.
    #[error("the peer reset the connection")]
    ResetByPeer,
    /// This end reset the connection.
    #[error("the connection was reset")]
    Reset,
    /// Retransmissions remained unacknowledged.
    #[error("the peer is gone: no acknowledgement through {timeouts} timeouts")]
    PeerGone {
        /// Consecutive timeouts.
        timeouts: u32,
    },
    /// The idle timeout expired.
    #[error("the peer is gone: no segment for {0:?}")]
    Idle(Duration),
}
