//! A request as the server saw it.

use crate::{channel::Delivery, unit::Time};

/// A request at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtServer {
    /// When it got there.
    pub delivery: Delivery,
    /// When its reply was handed to the transport.
    pub replied: Time,
}
