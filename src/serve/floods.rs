//! Sources that send so much that is refused that their datagrams are not worth receiving.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use super::{desk::Desk, limits::network};
use crate::{path::Datagrams, unit::Time};

/// Sources that are shunned at a time: for each datagram the kernel compares them all.
const MOST: usize = 64;
/// How long what a source sends is added up.
const WINDOW: Duration = Duration::from_millis(100);
/// What is refused of a source is a flood if it is as much as its rate, and so many datagrams more in a window: a burst is no
/// flood.
const BURST: u64 = 100;
/// How long a source is shunned.
const SHUNNED: Duration = Duration::from_secs(1);

/// Has the kernel drop what comes from those who flood a socket.
#[derive(Debug)]
pub(super) struct Shunning {
    floods: Floods,
    socket: Arc<dyn Datagrams>,
}

impl Shunning {
    pub(super) fn on(socket: Arc<dyn Datagrams>) -> Self {
        Self { floods: Floods::default(), socket }
    }

    /// A datagram from `source` was refused: as beyond its rate, or as of no use.
    pub(super) fn refused(&mut self, desk: &Desk, source: IpAddr) {
        let Some(rate) = desk.options.access.rate_of(source) else { return };
        let Some(until) = self.floods.refused(source, rate, desk.host.now()) else { return };
        if self.socket.shun(&self.floods.shunned()) {
            desk.exhaust(source, rate, until);
        } else {
            self.floods.forgive(Time::MAX);
        }
    }

    /// Completes when some have been shunned for long enough, and are received again.
    pub(super) async fn forgive(&mut self, desk: &Desk) {
        match self.floods.next() {
            None => std::future::pending().await,
            Some(until) => desk.host.sleep_until(until).await,
        }
        self.floods.forgive(desk.host.now());
        self.socket.shun(&self.floods.shunned());
    }
}

/// Who floods.
#[derive(Debug, Default)]
struct Floods {
    window_ends: Time,
    /// Datagrams of each source that were refused in this window.
    refused: Vec<(IpAddr, u64)>,
    /// And until when.
    shunned: Vec<(IpAddr, Time)>,
}

impl Floods {
    /// A datagram from `source`, which may send at `rate`, came at `now` and was refused: until when the source is to be
    /// shunned if that was one too many.
    fn refused(&mut self, source: IpAddr, rate: NonZeroU32, now: Time) -> Option<Time> {
        if now >= self.window_ends {
            self.refused.clear();
            self.window_ends = now + WINDOW;
        }
        let source = network(source);
        let Some(index) = self.refused.iter().position(|(known, _)| *known == source) else {
            if self.refused.len() < MOST {
                self.refused.push((source, 1));
            }
            return None;
        };
        self.refused[index].1 += 1;
        let flood = BURST + u64::from(rate.get()) * WINDOW.as_millis() as u64 / 1000;
        if self.refused[index].1 < flood || self.shunned.len() == MOST {
            return None;
        }
        self.refused.swap_remove(index);
        // What was under way as the source was shunned comes all the same.
        if self.shunned.iter().any(|(known, _)| *known == source) {
            return None;
        }
        let until = now + SHUNNED;
        self.shunned.push((source, until));
        Some(until)
    }

    /// Those whose time is over at `now` are shunned no longer.
    fn forgive(&mut self, now: Time) {
        self.shunned.retain(|(_, until)| *until > now);
    }

    /// When the next one is forgiven.
    fn next(&self) -> Option<Time> {
        self.shunned.iter().map(|(_, until)| *until).min()
    }

    /// IPv4 addresses, and the networks of IPv6 addresses.
    fn shunned(&self) -> Vec<IpAddr> {
        self.shunned.iter().map(|(source, _)| *source).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
    /// A hundred, and the hundred that the rate allows in a tenth of a second.
    const FLOOD: u64 = 200;

    fn source(n: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, n).into()
    }

    fn at(micros: u64) -> Time {
        Time::ZERO + Duration::from_micros(micros)
    }

    #[test]
    fn one_far_above_its_rate_is_shunned_for_a_while() {
        let mut floods = Floods::default();
        for n in 1..FLOOD {
            assert_eq!(floods.refused(source(1), RATE, at(n)), None);
        }
        let until = floods.refused(source(1), RATE, at(FLOOD));
        assert_eq!(until, Some(at(FLOOD) + SHUNNED));
        assert_eq!((floods.shunned(), floods.next()), (vec![source(1)], until));
        floods.forgive(at(FLOOD + 1));
        assert_eq!(floods.shunned(), [source(1)]);
        floods.forgive(until.unwrap());
        assert_eq!((floods.shunned(), floods.next()), (vec![], None));
    }

    #[test]
    fn one_a_little_above_its_rate_is_not() {
        let mut floods = Floods::default();
        // 1,900 a second beyond a rate of 1,000.
        for n in 1..10_000 {
            assert_eq!(floods.refused(source(1), RATE, at(n * 526)), None);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut floods = Floods::default();
        for n in 0..=255 {
            for _ in 0..FLOOD {
                floods.refused(source(n), RATE, Time::ZERO);
            }
        }
        assert_eq!(floods.shunned().len(), MOST);
        assert!(floods.refused.len() <= MOST);
    }
}
