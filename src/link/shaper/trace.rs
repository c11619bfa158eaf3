//! A transmitter that follows a trace of delivery opportunities, in the format and with the accounting of mahimahi's
//! `mm-link` (`link_queue.cc`).

use std::{fmt, fs, io::Read, sync::Arc};

use super::{Shaper, Transmission};
use crate::{
    link::ValueError,
    unit::{Time, shown},
};

/// IP bytes of an opportunity. mahimahi counts 1504, with the 4 bytes of header in front of each of its packets.
pub const OPPORTUNITY_BYTES: u16 = 1500;

const MS: u64 = 1_000_000;
/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 20;
/// The latest opportunity: a day.
const LATEST_MS: u64 = 24 * 3600 * 1000;

/// Delivery opportunities, each of [`OPPORTUNITY_BYTES`]. After the last one they repeat.
#[derive(PartialEq, Eq)]
pub struct Trace {
    /// The time of each, in milliseconds. There is at least one, they are in order, and the last is not 0.
    opportunities: Vec<u32>,
    /// The SHA-256 of the file.
    hash: [u8; 32],
}

impl Trace {
    /// Reads a trace from a file. Each line is the millisecond of an opportunity.
    pub(super) fn read(path: &str) -> Result<Self, ValueError> {
        let unreadable = |why: String| ValueError::Trace { file: shown(path), why };
        let read = || {
            let mut bytes = Vec::new();
            fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error: std::io::Error| unreadable(error.to_string()))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(unreadable(format!("it is over {} MiB", MOST_BYTES >> 20)));
        }
        Self::parse(&bytes).map_err(unreadable)
    }

    /// Parses the lines of a trace. The error names the line and says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut opportunities: Vec<u32> = Vec::new();
        let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n');
        for (line, number) in lines.zip(1u64..) {
            let wrong = |what: &str| format!("line {number}: {what}");
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            let text = std::str::from_utf8(text).map_err(|_| wrong("not text"))?;
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let ms: Option<u64> = text.parse().ok().filter(|_| is_number);
            let ms =
                ms.ok_or_else(|| wrong(&format!("`{}` is not a whole number of milliseconds", shown(text))))?;
            if ms > LATEST_MS {
                return Err(wrong(&format!("{ms} ms is later than a day")));
            }
            if opportunities.last().is_some_and(|last| ms < u64::from(*last)) {
                return Err(wrong(&format!("{ms} ms is earlier than the line before")));
            }
            // At most a day.
            opportunities.push(ms as u32);
        }
        if opportunities.last().is_none_or(|last| *last == 0) {
            return Err("its last line is 0: a trace must last for a millisecond or more".to_owned());
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        Ok(Self { opportunities, hash })
    }

    /// The mean rate in bits per second.
    pub(super) fn mean(&self) -> u128 {
        let bits = self.opportunities.len() as u128 * u128::from(OPPORTUNITY_BYTES) * 8 * 1000;
        bits / u128::from(self.period() / MS)
    }

    /// The length of a round in nanoseconds.
    fn period(&self) -> u64 {
        self.opportunities.last().map_or(1, |last| u64::from(*last)) * MS
    }

    /// The instant of an opportunity.
    fn at(&self, place: Place) -> Time {
        let within = self.opportunities.get(place.index).map_or(0, |ms| u64::from(*ms) * MS);
        Time::from_nanos(self.period().saturating_mul(place.round).saturating_add(within))
    }

    /// The opportunity after `place`.
    fn after(&self, place: Place) -> Place {
        match place.index + 1 {
            index if index < self.opportunities.len() => Place { index, ..place },
            _ => Place { round: place.round + 1, index: 0 },
        }
    }

    /// The first opportunity from `place` on that is later than `now`.
    fn later_than(&self, now: Time, place: Place) -> Place {
        if self.at(place) > now {
            return place;
        }
        let round = now.as_nanos() / self.period();
        let within = now.as_nanos() % self.period();
        let index = self.opportunities.partition_point(|ms| u64::from(*ms) * MS <= within);
        let found = match index < self.opportunities.len() {
            true => Place { round, index },
            false => Place { round: round + 1, index: 0 },
        };
        found.max(place)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trace:sha256:")?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The position of an opportunity: the number of its round, and its index in the trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    round: u64,
    index: usize,
}

/// A transmitter that follows a trace.
#[derive(Debug)]
pub(super) struct Traced {
    trace: Arc<Trace>,
    /// The next opportunity.
    next: Place,
    /// The opportunity that was used last, and the bytes that are left of it.
    current: Time,
    left: u16,
}

impl Traced {
    pub(super) fn new(trace: Arc<Trace>) -> Self {
        Self { trace, next: Place::default(), current: Time::ZERO, left: 0 }
    }
}

impl Shaper for Traced {
    /// A packet cannot use an opportunity at the instant of its offer or earlier. The bytes of an opportunity that the
    /// packets offered before it do not use are lost.
    fn next_start(&mut self, offered: Time) -> Time {
        if self.left > 0 && offered < self.current {
            return self.current;
        }
        self.next = self.trace.later_than(offered, self.next);
        self.trace.at(self.next)
    }

    fn transmit(&mut self, offered: Time, bytes: u16) -> Transmission {
        let starts = self.next_start(offered);
        if starts > self.current {
            self.left = 0;
        }
        let mut remaining = bytes;
        while remaining > 0 {
            if self.left == 0 {
                self.current = self.trace.at(self.next);
                self.next = self.trace.after(self.next);
                self.left = OPPORTUNITY_BYTES;
            }
            let sent = remaining.min(self.left);
            self.left -= sent;
            remaining -= sent;
        }
        Transmission { starts, departs: self.current }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(text: &str) -> Traced {
        Traced::new(Arc::new(Trace::parse(text.as_bytes()).unwrap()))
    }

    fn sent(shaper: &mut Traced, offered_us: u64, bytes: u16) -> (u64, u64) {
        let Transmission { starts, departs } = shaper.transmit(Time::from_nanos(offered_us * 1000), bytes);
        assert!(starts.as_nanos().is_multiple_of(MS) && departs.as_nanos().is_multiple_of(MS));
        (starts.as_nanos() / MS, departs.as_nanos() / MS)
    }

    #[test]
    fn packets_share_and_span_opportunities() {
        // Opportunities at 3, 7, 10, 14, 17, 21, ...
        let mut shaper = traced("3\n7\n");
        assert_eq!(sent(&mut shaper, 0, 1000), (3, 3));
        // 500 bytes are left at 3 ms, the others are sent at 7 ms.
        assert_eq!(sent(&mut shaper, 0, 1000), (3, 7));
        assert_eq!(sent(&mut shaper, 0, 1000), (7, 7));
        // Two opportunities of the next round.
        assert_eq!(sent(&mut shaper, 0, 3000), (10, 14));
        assert_eq!(sent(&mut shaper, 0, 1), (17, 17));
    }

    #[test]
    fn an_opportunity_is_lost_to_packets_offered_at_its_instant_or_later() {
        let mut shaper = traced("3\n7\n");
        assert_eq!(sent(&mut shaper, 2_999, 100), (3, 3));
        assert_eq!(sent(&mut shaper, 3_000, 100), (7, 7));
        assert_eq!(sent(&mut shaper, 7_000, 100), (10, 10));
        // An hour later: 514,285 rounds of 7 ms end at 3,599,995 ms.
        assert_eq!(sent(&mut shaper, 3_600_000_000, 100), (3_600_002, 3_600_002));
    }

    #[test]
    fn several_opportunities_may_be_in_one_millisecond_and_the_first_at_0() {
        let mut shaper = traced("0\n5\n5\n");
        assert_eq!(sent(&mut shaper, 0, 1500), (5, 5));
        assert_eq!(sent(&mut shaper, 0, 1500), (5, 5));
        // The end of a round is the beginning of the next.
        assert_eq!(sent(&mut shaper, 0, 1500), (5, 5));
        assert_eq!(sent(&mut shaper, 0, 1500), (10, 10));
        assert_eq!(shaper.trace.mean(), 7_200_000);
    }

    #[test]
    fn errors_name_the_line_and_the_reason() {
        for (text, error) in [
            ("", "line 1: `` is not a whole number of milliseconds"),
            ("1\n\n2\n", "line 2: `` is not a whole number of milliseconds"),
            ("1\nx\n", "line 2: `x` is not a whole number of milliseconds"),
            ("1\n-2\n", "line 2: `-2` is not a whole number of milliseconds"),
            ("5\n4\n", "line 2: 4 ms is earlier than the line before"),
            ("86400001\n", "line 1: 86400001 ms is later than a day"),
            ("0\n0\n", "its last line is 0: a trace must last for a millisecond or more"),
        ] {
            assert_eq!(Trace::parse(text.as_bytes()).unwrap_err(), error);
        }
        assert_eq!(
            Trace::read("no such file").unwrap_err().to_string().split(':').next(),
            Some("cannot read the trace no such file")
        );
    }

    #[test]
    fn a_trace_is_named_by_its_hash_and_line_ends_of_windows_are_read() {
        let trace = Trace::parse(b"1\r\n2\r\n").unwrap();
        assert_eq!(trace.opportunities, [1, 2]);
        // printf '3\n7\n' | sha256sum
        assert_eq!(
            Trace::parse(b"3\n7\n").unwrap().to_string(),
            "trace:sha256:2d65ba73dd83363826d117438319b05674f16d55faef1e57f780964edae7bba1"
        );
    }
}
