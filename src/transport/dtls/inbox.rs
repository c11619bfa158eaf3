//! Decrypted messages that wait for the application: a datagram may bring several.

use std::collections::VecDeque;

use crate::path::Received;

/// Messages in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: VecDeque<(Received, Vec<u8>)>,
    /// Memory of messages that were taken.
    spare: Vec<Vec<u8>>,
}

impl Inbox {
    /// Adds a message that came with the datagram `received`.
    pub(super) fn push(&mut self, message: &[u8], received: Received) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(message);
        // Whether another datagram brings a message is not known.
        self.messages.push_back((Received { len: message.len(), more: false, ..received }, bytes));
    }

    /// Copies the next message to `buffer`, as much of it as fits.
    pub(super) fn pop(&mut self, buffer: &mut [u8]) -> Option<Received> {
        let (received, bytes) = self.messages.pop_front()?;
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        self.spare.push(bytes);
        Some(Received { len, ..received })
    }
}
