//! The extension behind a probe's header: a client requests a report, and the server writes it in the same place.
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
//! All fields are little-endian. Request and report have the same length, so a reply is as long as its request.
//! A reply that still holds the request comes from a plain echo server. `check` covers the extension and the `check`
//! of the probe's header.

use std::time::Duration;

use super::{MessageId, checksum::checksum};
use crate::unit::{Time, nanos};

/// Length of an extension.
pub(crate) const EXTENSION_BYTES: usize = 72;

const REQUEST: [u8; 4] = *b"ask1";
const REPORT: [u8; 4] = *b"mark";
/// Encodes an unknown duration, or that no message blocked this one.
const NONE: u64 = u64::MAX;

/// The extension of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// A client requests a report.
    Request(ReportRequest),
    /// The server's report.
    Report(ServerReport),
}

/// A client's request for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRequest {
    /// Identifies the run. The server's counters restart with each run.
    pub run: u64,
    /// The message's number in the schedule, over all flows.
    pub number: u64,
}

/// What only the server can observe of a request. Its clock has its own origin, so `released` is comparable only
/// with other instants of the same server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerReport {
    /// When the transport released the request to the server, by the server's clock.
    pub released: Time,
    /// From the arrival of the request's last byte to its release; `None` if the server's kernel hides arrivals.
    pub order_wait: Option<Duration>,
    /// From the request's release until the server handed the reply to its transport.
    pub hold: Duration,
    /// Distinct requests of the run released so far, including this one.
    pub received: u64,
    /// Bit `k` is set if request `number - k` has been released.
    pub window: u64,
    /// The message that held this one back; `None` if order did not delay it.
    pub blocked_by: Option<MessageId>,
    /// Reordering extent in messages (RFC 4737); 0 means in order.
    pub extent: u32,
    /// Requests of the run that the server refused to answer.
    pub refused: u32,
}

impl Extension {
    /// Encodes the extension for a header with checksum `header`.
    pub(super) fn encode(&self, header: u32) -> [u8; EXTENSION_BYTES] {
        let mut bytes = [0; EXTENSION_BYTES];
        let (magic, words) = match self {
            Self::Request(request) => (REQUEST, [request.run, request.number, 0, 0, 0, 0, 0, 0]),
            Self::Report(report) => (REPORT, report.words()),
        };
        bytes[..4].copy_from_slice(&magic);
        for (place, word) in bytes[8..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let check = check(&bytes, header);
        bytes[4..8].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Decodes an extension that follows a header with checksum `header`; `None` if it is invalid or corrupted.
    pub(super) fn decode(bytes: &[u8; EXTENSION_BYTES], header: u32) -> Option<Self> {
        if bytes[4..8] != check(bytes, header).to_le_bytes() {
            return None;
        }
        let words = std::array::from_fn(|i| word(bytes, 8 + 8 * i));
        match *bytes.first_chunk()? {
            REQUEST => Some(Self::Request(ReportRequest { run: words[0], number: words[1] })),
            REPORT => Some(Self::Report(ServerReport::from_words(words))),
            _ => None,
        }
    }
}

impl ServerReport {
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

    fn from_words(words: [u64; 8]) -> Self {
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

fn check(bytes: &[u8; EXTENSION_BYTES], header: u32) -> u32 {
    let magic = word(bytes, 0) & u64::from(u32::MAX);
    let rest = (1..EXTENSION_BYTES / 8).map(|i| word(bytes, 8 * i));
    checksum([u64::from(header), magic].into_iter().chain(rest))
}

fn word(bytes: &[u8; EXTENSION_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extensions() -> impl Strategy<Value = Extension> {
        let durations = || (0..NONE).prop_map(Duration::from_nanos);
        let blockers = (any::<u32>(), 0..NONE).prop_map(|(flow, seq)| MessageId { flow, seq });
        let times = (any::<u64>(), prop::option::of(durations()), durations());
        let counts = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
        let reports = (times, counts, prop::option::of(blockers)).prop_map(|(times, counts, blocked_by)| {
            let ((released, order_wait, hold), (received, window, extent, refused)) = (times, counts);
            let released = Time::from_nanos(released);
            Extension::Report(ServerReport {
                released,
                order_wait,
                hold,
                received,
                window,
                blocked_by,
                extent,
                refused,
            })
        });
        let requests = (any::<u64>(), any::<u64>())
            .prop_map(|(run, number)| Extension::Request(ReportRequest { run, number }));
        prop_oneof![reports, requests]
    }

    proptest! {
        #[test]
        fn an_extension_reads_as_it_was_written(extension in extensions(), header: u32) {
            prop_assert_eq!(Extension::decode(&extension.encode(header), header), Some(extension));
        }

        #[test]
        fn one_flipped_bit_is_always_seen(extension in extensions(), header: u32, bit in 0..EXTENSION_BYTES * 8) {
            let mut bytes = extension.encode(header);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Extension::decode(&bytes, header), None);
        }

        #[test]
        fn an_extension_is_bound_to_its_header(extension in extensions(), header: u32, other: u32) {
            prop_assume!(header != other);
            prop_assert_eq!(Extension::decode(&extension.encode(header), other), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), EXTENSION_BYTES), header: u32) {
            let bytes = <&[u8; EXTENSION_BYTES]>::try_from(&bytes[..]).unwrap();
            let _ = Extension::decode(bytes, header);
        }
    }
}
