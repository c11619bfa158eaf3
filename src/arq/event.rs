//! Events that a connection reports to its application.

use super::ConnectionError;

/// A change of a connection's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Messages can be sent.
    Connected,
    /// The send buffer has room again after [`SendError::Full`](super::SendError::Full).
    Writable,
    /// The peer has sent its last message, and all its messages have arrived.
    Finished,
    /// The connection is closed. Without an error, it was closed in order.
    Closed(Option<ConnectionError>),
}
