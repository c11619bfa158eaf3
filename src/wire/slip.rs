//! The slip behind a probe's header: a client asks what the far end alone can know, and the far end answers in
//! the same place, so that a reply is as long as its request.
//!
//! ```text
//!  0       4       8              16              24                            72
//!  +-------+-------+---------------+---------------+-----------------------------+
//!  | "ask1"| check |      run      |    number     |              0              |
//!  +-------+-------+---------------+---------------+-------------------+---------+
//!  | "mark"| check |   released    |  order wait   | hold, received, window,     |
//!  +-------+-------+---------------+---------------+ blocker, extent, refused    |
//!                                                  +-----------------------------+
//! ```
//!
//! All fields are little-endian. The client takes a reply that still bears its question for that of a plain echo.
//! `check` covers the slip, and the check of the header before it.

use std::time::Duration;

use super::{MessageId, probe::mix};
use crate::unit::{Time, nanos};

/// Bytes of a slip.
pub const SLIP_BYTES: usize = 72;

const ASK: [u8; 4] = *b"ask1";
const MARK: [u8; 4] = *b"mark";
/// Where a duration is not known, or a message waited for none.
const NONE: u64 = u64::MAX;

/// What stands behind a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// A client's question.
    Ask(Ask),
    /// The far end's answer.
    Mark(Postmark),
}

/// A client's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Which run it is of: counts begin anew with each.
    pub run: u64,
    /// The message's number in the schedule, over all flows.
    pub number: u64,
}

/// What the far end alone can know of a request. Its clock has an origin of its own, so that `released` means
/// nothing but in differences; all else is durations and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Postmark {
    /// When order let the far end have the request, by its own clock.
    pub released: Time,
    /// From the arrival of its last byte to its release; `None` where the far end's kernel hides arrivals.
    pub order_wait: Option<Duration>,
    /// From its release until the reply was handed to the transport.
    pub hold: Duration,
    /// Different requests of the run that have been released there, this one counted.
    pub received: u64,
    /// Bit `k`: so has the request whose number is `k` lower.
    pub window: u64,
    /// Whose bytes it waited for; `None` if it waited for none.
    pub blocked_by: Option<MessageId>,
    /// How late it was released, in messages since the first that overtook it (RFC 4737); 0: in order.
    pub extent: u32,
    /// Requests of the run that the far end refused to answer.
    pub refused: u32,
}

impl Slip {
    /// Its bytes, bound to the header whose check is `header`.
    pub(super) fn encode(&self, header: u32) -> [u8; SLIP_BYTES] {
        let mut bytes = [0; SLIP_BYTES];
        let (magic, words) = match self {
            Self::Ask(ask) => (ASK, [ask.run, ask.number, 0, 0, 0, 0, 0, 0]),
            Self::Mark(mark) => (MARK, mark.words()),
        };
        bytes[..4].copy_from_slice(&magic);
        for (place, word) in bytes[8..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let check = check(&bytes, header);
        bytes[4..8].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads one; `None` where these are not the bytes of one behind that header.
    pub(super) fn decode(bytes: &[u8; SLIP_BYTES], header: u32) -> Option<Self> {
        if bytes[4..8] != check(bytes, header).to_le_bytes() {
            return None;
        }
        let words = std::array::from_fn(|i| word(bytes, 8 + 8 * i));
        match bytes[..4] {
            [b'a', b's', b'k', b'1'] => Some(Self::Ask(Ask { run: words[0], number: words[1] })),
            [b'm', b'a', b'r', b'k'] => Some(Self::Mark(Postmark::of(words))),
            _ => None,
        }
    }
}

impl Postmark {
    fn words(&self) -> [u64; 8] {
        let blocker = self.blocked_by.unwrap_or(MessageId { flow: u32::MAX, seq: NONE });
        [
            self.released.as_nanos(),
            self.order_wait.map_or(NONE, nanos),
            nanos(self.hold),
            self.received,
            self.window,
            blocker.seq,
            u64::from(blocker.flow) | u64::from(self.extent) << 32,
            self.refused.into(),
        ]
    }

    fn of(words: [u64; 8]) -> Self {
        let [released, order_wait, hold, received, window, seq, flow_and_extent, refused] = words;
        Self {
            released: Time::from_nanos(released),
            order_wait: (order_wait != NONE).then(|| Duration::from_nanos(order_wait)),
            hold: Duration::from_nanos(hold),
            received,
            window,
            blocked_by: (seq != NONE).then_some(MessageId { flow: flow_and_extent as u32, seq }),
            extent: (flow_and_extent >> 32) as u32,
            refused: refused as u32,
        }
    }
}

fn check(bytes: &[u8; SLIP_BYTES], header: u32) -> u32 {
    let magic = word(bytes, 0) & u64::from(u32::MAX);
    let rest = (1..SLIP_BYTES / 8).map(|i| word(bytes, 8 * i));
    mix([u64::from(header), magic].into_iter().chain(rest))
}

fn word(bytes: &[u8; SLIP_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slips() -> impl Strategy<Value = Slip> {
        let durations = || (0..NONE).prop_map(Duration::from_nanos);
        let blockers = (any::<u32>(), 0..NONE).prop_map(|(flow, seq)| MessageId { flow, seq });
        let times = (any::<u64>(), prop::option::of(durations()), durations());
        let counts = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
        let marks = (times, counts, prop::option::of(blockers)).prop_map(|(times, counts, blocked_by)| {
            let ((released, order_wait, hold), (received, window, extent, refused)) = (times, counts);
            let released = Time::from_nanos(released);
            Slip::Mark(Postmark { released, order_wait, hold, received, window, blocked_by, extent, refused })
        });
        let asks = (any::<u64>(), any::<u64>()).prop_map(|(run, number)| Slip::Ask(Ask { run, number }));
        prop_oneof![marks, asks]
    }

    proptest! {
        #[test]
        fn a_slip_reads_as_it_was_written(slip in slips(), header: u32) {
            prop_assert_eq!(Slip::decode(&slip.encode(header), header), Some(slip));
        }

        #[test]
        fn one_flipped_bit_is_always_seen(slip in slips(), header: u32, bit in 0..SLIP_BYTES * 8) {
            let mut bytes = slip.encode(header);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Slip::decode(&bytes, header), None);
        }

        #[test]
        fn a_slip_fits_its_own_header_only(slip in slips(), header: u32, other: u32) {
            prop_assume!(header != other);
            prop_assert_eq!(Slip::decode(&slip.encode(header), other), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), SLIP_BYTES), header: u32) {
            let bytes = <&[u8; SLIP_BYTES]>::try_from(&bytes[..]).unwrap();
            let _ = Slip::decode(bytes, header);
        }
    }
}
