//! Why something was not sent, and how a connection ends.

use std::time::Duration;

/// A message that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The handshake is not done: what the peer has room for is not known.
    #[error("not connected yet: wait for the connection")]
    NotConnected,
    /// Nothing can be sent behind the end.
    #[error("the connection is closing, or closed")]
    Closed,
    /// The send buffer is full; [`super::Event::Writable`] says when it is not.
    #[error("the send buffer is full")]
    Full,
    /// The peer could never take it.
    #[error("a message of {bytes} bytes takes more than the {segments} segments that the peer has room for")]
    TooLarge {
        /// The message.
        bytes: usize,
        /// The room.
        segments: usize,
    },
}

/// How a connection ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// Nobody answered the handshake.
    #[error("no answer to {hellos} hellos")]
    NoAnswer {
        /// How many were sent.
        hellos: u32,
    },
    /// The server has no room for another connection.
    #[error("the server refused: it has as many connections as it takes")]
    Refused,
    /// The peer gave it up.
    #[error("the peer reset the connection")]
    ResetByPeer,
    /// It was given up here.
    #[error("the connection was reset")]
    Reset,
    /// What was sent is not acknowledged.
    #[error("the peer is gone: nothing was acknowledged through {timeouts} timeouts")]
    PeerGone {
        /// Timeouts in a row.
        timeouts: u32,
    },
    /// Nothing came.
    #[error("the peer is gone: not a segment in {0:?}")]
    Idle(Duration),
}
