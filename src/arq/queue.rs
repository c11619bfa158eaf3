//! What waits to be sent: messages, cut into fragments that fit the path as they leave.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

use crate::wire::segment::Fragment;

/// What a segment brings to the peer.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A part of a message.
    Fragment(Fragment, Bytes),
    /// There is no more.
    Fin,
}

impl Content {
    pub(super) fn payload_bytes(&self) -> usize {
        match self {
            Self::Fragment(_, payload) => payload.len(),
            Self::Fin => 0,
        }
    }
}

/// Messages that have not been sent, and the end behind them.
#[derive(Debug)]
pub(super) struct Queue {
    payload_bytes: usize,
    messages: VecDeque<Bytes>,
    /// Fragments of the first message that have left.
    left: u16,
    fin: bool,
    /// The sequence number of whatever is queued next.
    sequence: u64,
}

impl Queue {
    /// For segments of `payload_bytes`.
    pub(super) fn new(payload_bytes: usize) -> Self {
        Self { payload_bytes, messages: VecDeque::new(), left: 0, fin: false, sequence: 0 }
    }

    /// How many segments a message of `bytes` takes: one, even of none.
    pub(super) fn segments(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.payload_bytes).max(1)
    }

    /// Queues a message of no more than 65,535 segments and says which they will be.
    pub(super) fn push(&mut self, message: Bytes) -> Range<u64> {
        let first = self.sequence;
        self.sequence += self.segments(message.len()) as u64;
        self.messages.push_back(message);
        first..self.sequence
    }

    /// There will be no more messages.
    pub(super) fn finish(&mut self) {
        self.fin = true;
    }

    /// Payload of the segment that is next.
    pub(super) fn next_bytes(&self) -> Option<usize> {
        let start = usize::from(self.left) * self.payload_bytes;
        match self.messages.front() {
            Some(message) => Some((message.len() - start).min(self.payload_bytes)),
            None => self.fin.then_some(0),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Content> {
        let Some(message) = self.messages.front() else {
            return std::mem::take(&mut self.fin).then_some(Content::Fin);
        };
        let start = usize::from(self.left) * self.payload_bytes;
        let end = message.len().min(start + self.payload_bytes);
        let fragment = Fragment { index: self.left, count: self.segments(message.len()) as u16 };
        let payload = message.slice(start..end);
        self.left += 1;
        if self.left == fragment.count {
            self.left = 0;
            self.messages.pop_front();
        }
        Some(Content::Fragment(fragment, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_leaves_in_fragments_and_the_end_behind_the_last() {
        let mut queue = Queue::new(4);
        assert_eq!(queue.push(Bytes::from_static(b"abcdefghi")), 0..3);
        assert_eq!(queue.push(Bytes::new()), 3..4);
        queue.finish();
        let mut sizes = Vec::new();
        while let Some(bytes) = queue.next_bytes() {
            let content = queue.pop().unwrap();
            assert_eq!(content.payload_bytes(), bytes);
            sizes.push(match content {
                Content::Fragment(fragment, payload) => (fragment.index, fragment.count, payload.len()),
                Content::Fin => (0, 0, 0),
            });
        }
        assert_eq!(sizes, [(0, 3, 4), (1, 3, 4), (2, 3, 1), (0, 1, 0), (0, 0, 0)]);
    }
}
