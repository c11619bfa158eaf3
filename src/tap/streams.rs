//! The streams of one direction of a QUIC connection.

use std::collections::VecDeque;

use super::bytes::StreamBytes;

/// Streams this far ahead of the first open one do not belong to an experiment, which never has so many open streams.
const MOST_STREAMS: u64 = 1 << 20;

/// The client's bidirectional streams. Experiments use no others.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// The number of the first stream that is not closed.
    pub(super) first: u64,
    pub(super) open: VecDeque<Option<StreamBytes>>,
    pub(super) spare: Vec<StreamBytes>,
}

impl Streams {
    /// The bytes of a stream. `None` if it is closed, or not a bidirectional stream of the client.
    pub(super) fn get(&mut self, id: u64) -> Option<&mut StreamBytes> {
        let index = self.index(id)?;
        while self.open.len() <= index {
            self.open.push_back(Some(self.spare.pop().unwrap_or_default()));
        }
        self.open[index].as_mut()
    }

    pub(super) fn close(&mut self, id: u64) {
        let Some(index) = self.index(id) else { return };
        if let Some(mut bytes) = self.open.get_mut(index).and_then(Option::take) {
            bytes.clear();
            self.spare.push(bytes);
        }
        while let Some(None) = self.open.front() {
            self.open.pop_front();
            self.first += 1;
        }
    }

    /// The index of a stream in `open`. The two low bits of an id are the type of the stream (RFC 9000 section 2.1).
    fn index(&self, id: u64) -> Option<usize> {
        let number = (id & 0b11 == 0).then_some(id >> 2)?;
        let index = number.checked_sub(self.first).filter(|index| *index < MOST_STREAMS)?;
        usize::try_from(index).ok()
    }
}
