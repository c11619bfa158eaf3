//! The streams of one direction of a QUIC connection.

use std::collections::VecDeque;

use super::bytes::StreamBytes;

/// Streams this far ahead of the first open one do not belong to an experiment, which never has so many open streams.
const MOST_STREAMS: u64 = 1 << 20;

/// The bidirectional streams of both ends. Experiments use no others.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Those that the client opened, and those that the server did.
    pub(super) opened: [Opened; 2],
    pub(super) spare: Vec<StreamBytes>,
}

/// The streams that one end opened.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// The number of the first stream that is not closed.
    pub(super) first: u64,
    pub(super) open: VecDeque<Option<StreamBytes>>,
}

impl Streams {
    /// The bytes of a stream. `None` if it is closed, or not bidirectional.
    pub(super) fn get(&mut self, id: u64) -> Option<&mut StreamBytes> {
        let Self { opened, spare } = self;
        let (opened, number) = of(opened, id)?;
        let index = opened.index(number)?;
        while opened.open.len() <= index {
            opened.open.push_back(Some(spare.pop().unwrap_or_default()));
        }
        opened.open[index].as_mut()
    }

    pub(super) fn close(&mut self, id: u64) {
        let Some((opened, number)) = of(&mut self.opened, id) else { return };
        let Some(index) = opened.index(number) else { return };
        if let Some(mut bytes) = opened.open.get_mut(index).and_then(Option::take) {
            bytes.clear();
            self.spare.push(bytes);
        }
        while let Some(None) = opened.open.front() {
            opened.open.pop_front();
            opened.first += 1;
        }
    }
}

/// The streams of the end that opened the stream `id`, and its number among them; `None` if it is not bidirectional.
fn of(opened: &mut [Opened; 2], id: u64) -> Option<(&mut Opened, u64)> {
    // The two low bits are the type of the stream (RFC 9000 section 2.1): who opened it, and whether it has one
    // direction only.
    let [client, server] = opened;
    match id & 0b11 {
        0b00 => Some((client, id >> 2)),
        0b01 => Some((server, id >> 2)),
        _ => None,
    }
}

impl Opened {
    /// The index in `open` of the stream with this number.
    fn index(&self, number: u64) -> Option<usize> {
        let index = number.checked_sub(self.first).filter(|index| *index < MOST_STREAMS)?;
        usize::try_from(index).ok()
    }
}
