//! Drops the datagrams of flooding sources in the kernel: receiving them only to refuse them takes too long.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use super::admission::Admission;
use crate::{
    path::{Datagrams, network},
    unit::Time,
};

/// Maximum number of sources in the filter: the kernel compares each datagram with all of them.
const CAPACITY: usize = 64;
/// Interval over which the refused datagrams of a source are counted.
const WINDOW: Duration = Duration::from_millis(100);
/// A source floods if, in one window, the server refuses what its rate allows and this many datagrams more. The
/// margin lets short bursts pass.
const BURST: u64 = 100;
/// How long the datagrams of a source are dropped.
const SHUN_TIME: Duration = Duration::from_secs(1);

/// The sources that are dropped on one socket.
#[derive(Debug)]
pub(crate) struct FloodGuard {
    detector: FloodDetector,
    socket: Arc<dyn Datagrams>,
}

impl FloodGuard {
    pub(crate) fn new(socket: Arc<dyn Datagrams>) -> Self {
        Self { detector: FloodDetector::default(), socket }
    }

    /// Takes note of a refused datagram from `source`. Returns whether the kernel drops its datagrams from now on.
    pub(crate) fn refused(&mut self, admission: &Admission, source: IpAddr) -> bool {
        let Some(rate) = admission.rate_of(source) else { return false };
        let Some(until) = self.detector.refused(source, rate, admission.host.now()) else { return false };
        let filtered = self.socket.shun(&self.detector.shunned());
        if filtered {
            admission.exhaust(source, rate, until);
        } else {
            self.detector.release(Time::MAX);
        }
        filtered
    }

    /// Completes when the time of a source is over, and its datagrams are received again.
    pub(crate) async fn release(&mut self, admission: &Admission) {
        match self.detector.next_release() {
            None => std::future::pending().await,
            Some(until) => admission.host.sleep_until(until).await,
        }
        self.detector.release(admission.host.now());
        self.socket.shun(&self.detector.shunned());
    }
}

/// Finds the sources that flood.
#[derive(Debug, Default)]
struct FloodDetector {
    window_ends: Time,
    /// Refused datagrams of each source in this window.
    refused: Vec<(IpAddr, u64)>,
    /// When each shunned source is released.
    shunned: Vec<(IpAddr, Time)>,
}

impl FloodDetector {
    /// Counts a refused datagram from `source`, which may send at `rate`. Returns when the source is to be released
    /// if this datagram made it a flood.
    fn refused(&mut self, source: IpAddr, rate: NonZeroU32, now: Time) -> Option<Time> {
        if now >= self.window_ends {
            self.refused.clear();
            self.window_ends = now + WINDOW;
        }
        let source = network(source);
        let Some(index) = self.refused.iter().position(|(known, _)| *known == source) else {
            if self.refused.len() < CAPACITY {
                self.refused.push((source, 1));
            }
            return None;
        };
        self.refused[index].1 += 1;
        let flood = BURST + u64::from(rate.get()) * WINDOW.as_millis() as u64 / 1000;
        if self.refused[index].1 < flood || self.shunned.len() == CAPACITY {
            return None;
        }
        self.refused.swap_remove(index);
        // Datagrams already in the receive queue still arrive after the source was shunned.
        if self.shunned.iter().any(|(known, _)| *known == source) {
            return None;
        }
        let until = now + SHUN_TIME;
        self.shunned.push((source, until));
        Some(until)
    }

    /// Removes the sources whose time is over at `now`.
    fn release(&mut self, now: Time) {
        self.shunned.retain(|(_, until)| *until > now);
    }

    fn next_release(&self) -> Option<Time> {
        self.shunned.iter().map(|(_, until)| *until).min()
    }

    /// IPv4 addresses and IPv6 networks.
    fn shunned(&self) -> Vec<IpAddr> {
        self.shunned.iter().map(|(source, _)| *source).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
    /// The margin, and what the rate allows in one window.
    const FLOOD: u64 = 200;

    fn source(n: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, n).into()
    }

    fn at(micros: u64) -> Time {
        Time::ZERO + Duration::from_micros(micros)
    }

    #[test]
    fn a_source_far_above_its_rate_is_shunned_for_a_second() {
        let mut detector = FloodDetector::default();
        for n in 1..FLOOD {
            assert_eq!(detector.refused(source(1), RATE, at(n)), None);
        }
        let until = detector.refused(source(1), RATE, at(FLOOD));
        assert_eq!(until, Some(at(FLOOD) + SHUN_TIME));
        assert_eq!((detector.shunned(), detector.next_release()), (vec![source(1)], until));
        detector.release(at(FLOOD + 1));
        assert_eq!(detector.shunned(), [source(1)]);
        detector.release(until.unwrap());
        assert_eq!((detector.shunned(), detector.next_release()), (vec![], None));
    }

    #[test]
    fn a_source_slightly_above_its_rate_is_not_shunned() {
        let mut detector = FloodDetector::default();
        // 1,900 refused datagrams per second at a rate of 1,000.
        for n in 1..10_000 {
            assert_eq!(detector.refused(source(1), RATE, at(n * 526)), None);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut detector = FloodDetector::default();
        for n in 0..=255 {
            for _ in 0..FLOOD {
                detector.refused(source(n), RATE, Time::ZERO);
            }
        }
        assert_eq!(detector.shunned().len(), CAPACITY);
        assert!(detector.refused.len() <= CAPACITY);
    }
}
