//! A limit on the messages per second of each source.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use crate::{
    path::network,
    unit::{Recent, Time},
};

/// Share of its rate that a source may use at once after a silence. Kept short, because other sources wait while the
/// burst is answered.
const BURST: Duration = Duration::from_millis(100);
/// Messages that a source may always send at once.
const BURST_MESSAGES: u64 = 10;

/// What happens to messages that exceed the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// They are dropped, and do not count against the rate.
    Dropped,
    /// They are delayed, and count.
    Delayed,
}

/// A token bucket for each source.
#[derive(Debug, Default)]
pub(crate) struct RateLimits {
    sources: Recent<IpAddr, Bucket>,
}

/// A token bucket as the one number it needs: the generic cell rate algorithm (ITU-T I.371).
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// When the bucket will be full again.
    full_at: Time,
}

impl Bucket {
    /// How long to wait at `now` until `messages` more are within `rate`.
    pub(crate) fn delay(&mut self, rate: NonZeroU32, now: Time, messages: u64, excess: Excess) -> Duration {
        let delay = self.full_at.since(now + burst(rate));
        if delay.is_zero() || excess == Excess::Delayed {
            self.full_at = self.full_at.max(now) + time_for(rate, messages);
        }
        delay
    }
}

impl RateLimits {
    /// How long `source` must wait at `now` until `messages` more are within `rate`.
    pub(crate) fn delay(
        &mut self,
        source: IpAddr,
        rate: NonZeroU32,
        now: Time,
        messages: u64,
        excess: Excess,
    ) -> Duration {
        self.sources.entry(network(source)).delay(rate, now, messages, excess)
    }

    /// Empties the bucket of `source` until `until`.
    pub(super) fn exhaust(&mut self, source: IpAddr, rate: NonZeroU32, until: Time) {
        self.sources.entry(network(source)).full_at = until + burst(rate);
    }
}

/// How long `messages` take at `rate`.
fn time_for(rate: NonZeroU32, messages: u64) -> Duration {
    Duration::from_nanos((1_000_000_000 / u64::from(rate.get())).saturating_mul(messages))
}

/// How long the largest burst takes at `rate`.
fn burst(rate: NonZeroU32) -> Duration {
    BURST.max(time_for(rate, BURST_MESSAGES))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RATE: NonZeroU32 = NonZeroU32::new(10).unwrap();
    const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn is_allowed(limits: &mut RateLimits, rate: NonZeroU32, now: Time) -> bool {
        limits.delay(SOURCE, rate, now, 1, Excess::Dropped).is_zero()
    }

    #[test]
    fn a_source_may_send_a_burst_and_then_its_rate() {
        let mut limits = RateLimits::default();
        let mut sent_at =
            |now: Time| (0..100).take_while(|_: &u64| is_allowed(&mut limits, RATE, now)).count() as u64;
        let start = Time::from_nanos(5_000_000_000);
        assert_eq!(sent_at(start), 11);
        assert_eq!(sent_at(start), 0, "dropped messages do not count against the rate");
        assert_eq!(sent_at(start + Duration::from_millis(300)), 3);
    }

    #[test]
    fn a_high_rate_allows_a_tenth_of_a_second_at_once_and_none_of_it_once_exhausted() {
        let rate = NonZeroU32::new(2000).unwrap();
        let mut limits = RateLimits::default();
        let sent = (0..1000).take_while(|_| is_allowed(&mut limits, rate, Time::ZERO)).count();
        assert_eq!(sent, 201);
        let until = Time::ZERO + Duration::from_secs(2);
        limits.exhaust(SOURCE, rate, until);
        assert!(!is_allowed(&mut limits, rate, Time::ZERO + Duration::from_secs(1)));
        assert!(is_allowed(&mut limits, rate, until));
        assert!(!is_allowed(&mut limits, rate, until));
    }

    #[test]
    fn a_connection_learns_how_long_to_wait() {
        let mut limits = RateLimits::default();
        let mut delay = |messages| limits.delay(SOURCE, RATE, Time::ZERO, messages, Excess::Delayed);
        assert_eq!(delay(20), Duration::ZERO);
        assert_eq!(delay(1), Duration::from_secs(1));
        assert_eq!(delay(1), Duration::from_millis(1100));
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_share_one_rate() {
        let mut limits = RateLimits::default();
        let mut delay = |ip: &str| limits.delay(ip.parse().unwrap(), RATE, Time::ZERO, 20, Excess::Delayed);
        assert!(delay("2001:db8::1").is_zero());
        assert!(!delay("2001:db8::2").is_zero());
        assert!(delay("2001:db8:0:1::1").is_zero());
    }
}
