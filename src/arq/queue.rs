//! The send queue: splits messages into fragments that fit the path as they are sent.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;

use crate::wire::segment::Fragment;

/// The content of a segment that takes a sequence number.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A fragment of a message.
    Fragment(Fragment, Bytes),
    /// The end of the sender's messages.
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

/// Messages and the FIN that have not been sent yet.
#[derive(Debug)]
pub(super) struct Queue {
    payload_bytes: usize,
    messages: VecDeque<Bytes>,
    /// Fragments already taken from the first message.
    fragments_taken: u16,
    fin: bool,
    /// The sequence number of the next segment to be queued.
    next_sequence: u64,
}

impl Queue {
    /// Creates a queue for segments of up to `payload_bytes`.
    pub(super) fn new(payload_bytes: usize) -> Self {
        Self { payload_bytes, messages: VecDeque::new(), fragments_taken: 0, fin: false, next_sequence: 0 }
    }

    /// Number of segments of a message of `bytes` bytes. An empty message takes one.
    pub(super) fn segments(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.payload_bytes).max(1)
    }

    /// Queues a message of at most 65,535 segments and returns their sequence numbers.
    pub(super) fn push(&mut self, message: Bytes) -> Range<u64> {
        let first = self.next_sequence;
        self.next_sequence += self.segments(message.len()) as u64;
        self.messages.push_back(message);
        first..self.next_sequence
    }

    /// Queues the FIN.
    pub(super) fn finish(&mut self) {
        self.fin = true;
    }

    /// Payload length of the next segment.
    pub(super) fn next_bytes(&self) -> Option<usize> {
        let start = usize::from(self.fragments_taken) * self.payload_bytes;
        match self.messages.front() {
            Some(message) => Some((message.len() - start).min(self.payload_bytes)),
            None => self.fin.then_some(0),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Content> {
        let Some(message) = self.messages.front() else {
            return std::mem::take(&mut self.fin).then_some(Content::Fin);
        };
        let start = usize::from(self.fragments_taken) * self.payload_bytes;
        let end = message.len().min(start + self.payload_bytes);
        let fragment = Fragment { index: self.fragments_taken, count: self.segments(message.len()) as u16 };
        let payload = message.slice(start..end);
        self.fragments_taken += 1;
        if self.fragments_taken == fragment.count {
            self.fragments_taken = 0;
            self.messages.pop_front();
        }
        Some(Content::Fragment(fragment, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sent_in_fragments_followed_by_the_fin() {
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
