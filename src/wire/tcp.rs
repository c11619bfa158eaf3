//! The numbers of TCP segments (RFC 9293 section 3.4).

use std::ops::Range;

use super::ip::TcpSegment;

/// Maps the sequence numbers of one direction of a connection to offsets in its stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequence {
    /// The sequence number of the stream's first byte, once its SYN was seen.
    first: Option<u32>,
    /// The offset after the furthest byte sent.
    sent: u64,
}

impl Sequence {
    /// A segment is sent. Returns the range of its payload in the stream, and whether a part of the payload was sent
    /// before. Returns `None` if the segment has no payload, or if the SYN was not seen.
    pub fn send(&mut self, segment: &TcpSegment) -> Option<(Range<u64>, bool)> {
        if segment.syn {
            self.first = Some(segment.sequence.wrapping_add(1));
        }
        let start = self.offset(segment.sequence)?;
        let end = start + u64::from(segment.length);
        let is_repeated = start < self.sent;
        self.sent = self.sent.max(end);
        (segment.length > 0).then_some((start..end, is_repeated))
    }

    /// The offset of a sequence number near those that were sent: sequence numbers wrap every 4 GiB. The SYN is before
    /// the first byte and has no offset.
    pub fn offset(&self, sequence: u32) -> Option<u64> {
        let furthest = self.first?.wrapping_add(self.sent as u32);
        self.sent.checked_add_signed(sequence.wrapping_sub(furthest).cast_signed().into())
    }

    /// Whether the SYN was seen.
    pub(crate) fn has_begun(&self) -> bool {
        self.first.is_some()
    }
}

/// The selective acknowledgements in the options of a TCP header (RFC 2018): the first sequence number of each block,
/// and the one after its last.
pub fn sack_blocks(options: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const SACK: u8 = 5;
    let mut rest = options;
    let mut blocks: &[u8] = &[];
    while let [kind, after @ ..] = rest {
        match (*kind, after.first()) {
            (END, _) | (_, None) => break,
            (NO_OPERATION, _) => rest = after,
            (kind, Some(length)) => {
                let Some(option) = rest.get(2..usize::from(*length)) else { break };
                rest = &rest[usize::from(*length)..];
                if kind == SACK {
                    blocks = option;
                }
            }
        }
    }
    blocks.chunks_exact(8).map(|block| {
        let edge = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        (edge(0), edge(4))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(sequence: u32, length: u32, syn: bool) -> TcpSegment {
        TcpSegment { sequence, length, syn, ..TcpSegment::default() }
    }

    #[test]
    fn offsets_rise_where_sequence_numbers_begin_again() {
        let mut numbers = Sequence::default();
        assert_eq!(numbers.send(&segment(5, 10, false)), None, "without a SYN");
        let first = u32::MAX - 5;
        assert_eq!(numbers.send(&segment(first - 1, 0, true)), None);
        assert_eq!(numbers.send(&segment(first, 10, false)), Some((0..10, false)));
        assert_eq!(numbers.send(&segment(4, 10, false)), Some((10..20, false)));
        assert_eq!(numbers.send(&segment(first, 10, false)), Some((0..10, true)));
        assert_eq!((numbers.offset(4), numbers.offset(first - 1)), (Some(10), None));
    }

    #[test]
    fn sack_blocks_are_found_behind_other_options() {
        let options =
            [&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10][..], &[0, 0, 0, 7, 0, 0, 0, 9]].concat();
        assert_eq!(sack_blocks(&options).collect::<Vec<_>>(), [(7, 9)]);
        for length in 0..options.len() {
            assert_eq!(sack_blocks(&options[..length]).count(), 0);
        }
        assert_eq!(sack_blocks(&[5, 0, 1]).count(), 0, "an option of impossible length");
    }
}
