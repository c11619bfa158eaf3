//! Who is answered, and how often.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use ipnet::IpNet;

use super::Refusal;
use crate::unit::Time;

/// Messages a second that one source may send unless told otherwise, loopback excepted.
pub const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// Sources that are remembered. Whoever is forgotten starts afresh, so a flood of forged sources buys
/// nothing but memory that is bounded.
pub(super) const SOURCES: usize = 16_384;

/// How much of its rate a source may use at once, after it has been silent. Others wait for as long as that takes to
/// answer, so it is short.
const BURST: Duration = Duration::from_millis(100);
/// Messages that it may send at once all the same.
const BURST_MESSAGES: u64 = 10;

/// UDP ports whose owners answer whatever they get: two of them set on each other never stop. echo, discard,
/// daytime, qotd, chargen, time, DNS, TFTP, portmap, NTP, NetBIOS, SNMP, CLDAP, RIP, SSDP, mDNS, memcached,
/// game servers, and our own.
const ANSWERING_PORTS: [u16; 25] = [
    7, 9, 13, 17, 19, 37, 53, 69, 111, 123, 137, 138, 161, 389, 520, 1900, 3702, 5353, 5355, 11211, 27015,
    9996, 9997, 9998, 9999,
];

/// Whom a server answers.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Only these are answered, and loopback. None given: everyone.
    pub allow: Vec<IpNet>,
    /// Messages a second that one source may send. `None`: [`DEFAULT_RATE`], and loopback as many as it likes.
    pub rate: Option<NonZeroU32>,
}

impl Access {
    /// Whether connections from `source` are wanted.
    pub(super) fn admits(&self, source: IpAddr) -> bool {
        self.allow.is_empty() || self.knows(source)
    }

    /// Whether `source` is named, or this machine.
    pub(super) fn knows(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        source.is_loopback() || self.allow.iter().any(|net| net.contains(&source))
    }

    /// Messages a second that `source` may send; `None`: as many as it likes.
    pub(super) fn rate_of(&self, source: IpAddr) -> Option<NonZeroU32> {
        match self.rate {
            None if source.to_canonical().is_loopback() => None,
            rate => Some(rate.unwrap_or(DEFAULT_RATE)),
        }
    }
}

/// Whether a datagram from `source` may be answered by a server that listens on the ports `ours`. The reply must
/// not go to ourselves, to many, or to a port that is known to answer it (RFC 863 to 868, CERT CA-1996-01).
pub(super) fn may_answer(source: SocketAddr, ours: &[u16]) -> Result<(), Refusal> {
    let ip = source.ip().to_canonical();
    let port = source.port();
    let to_many = ip.is_multicast() || ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    let answers = port == 0 || ours.contains(&port) || ANSWERING_PORTS.contains(&port);
    if to_many || answers { Err(Refusal::AnswersBack) } else { Ok(()) }
}

/// How many messages each source has sent lately.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    sources: Bounded<IpAddr, Bucket>,
}

impl RateLimits {
    /// How long `source` must wait before `messages` more, sent at `now`, are within `rate`. Messages that
    /// need not wait are counted, the others only if they `will_wait`.
    pub(super) fn delay(
        &mut self,
        source: IpAddr,
        rate: NonZeroU32,
        now: Time,
        (messages, will_wait): (u64, bool),
    ) -> Duration {
        let bucket = self.sources.entry(network(source));
        let delay = bucket.full_at.since(now + burst(rate));
        if delay.is_zero() || will_wait {
            bucket.full_at = bucket.full_at.max(now) + take(rate, messages);
        }
        delay
    }

    /// `source` has used up all that it may send until `until`.
    pub(super) fn exhaust(&mut self, source: IpAddr, rate: NonZeroU32, until: Time) {
        self.sources.entry(network(source)).full_at = until + burst(rate);
    }
}

/// How long so many messages take at `rate`.
fn take(rate: NonZeroU32, messages: u64) -> Duration {
    Duration::from_nanos((1_000_000_000 / u64::from(rate.get())).saturating_mul(messages))
}

/// How long what may be sent at once takes at `rate`.
fn burst(rate: NonZeroU32) -> Duration {
    BURST.max(take(rate, BURST_MESSAGES))
}

/// What one source is to its rate: an IPv6 host has a whole /64 to send from (RFC 4291 section 2.5.1).
pub(super) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// A token bucket as the one number it needs: the generic cell rate algorithm (ITU-T I.371).
#[derive(Debug, Default)]
struct Bucket {
    /// When all tokens will be back.
    full_at: Time,
}

/// Remembers the last `SOURCES` of what it was asked for.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    entries: BTreeMap<K, V>,
    age: VecDeque<K>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), age: VecDeque::new() }
    }
}

impl<K: Ord + Copy, V: Default> Bounded<K, V> {
    /// What is remembered of `key`; of one that is new, the default.
    pub(super) fn entry(&mut self, key: K) -> &mut V {
        if !self.entries.contains_key(&key) {
            if self.age.len() >= SOURCES
                && let Some(oldest) = self.age.pop_front()
            {
                self.entries.remove(&oldest);
            }
            self.age.push_back(key);
        }
        self.entries.entry(key).or_default()
    }

    /// What is remembered of `key`, if anything is.
    pub(super) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(source: &str) -> bool {
        may_answer(source.parse().unwrap(), &[7000, 7001]).is_err()
    }

    #[test]
    fn sources_that_might_answer_back_are_not_answered() {
        for port in [0, 7, 13, 17, 19, 53, 123, 1900, 9996, 9997, 9998, 9999, 7000, 7001] {
            assert!(refused(&format!("192.0.2.2:{port}")), "{port}");
        }
        for source in ["224.0.0.1:40000", "255.255.255.255:40000", "0.0.0.0:40000", "[ff02::1]:40000"] {
            assert!(refused(source), "{source}");
        }
        assert!(!refused("192.0.2.2:40000"));
        assert!(!refused("[2001:db8::1]:40000"));
    }

    #[test]
    fn with_any_network_allowed_only_it_and_loopback_are_answered() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(Access::default().admits(ip("192.0.2.1")));
        assert!(!Access::default().knows(ip("192.0.2.1")));
        let access = Access { allow: vec!["192.0.2.0/24".parse().unwrap()], rate: None };
        assert!(access.admits(ip("192.0.2.1")) && access.admits(ip("127.0.0.1")) && access.admits(ip("::1")));
        assert!(access.admits(ip("::ffff:192.0.2.1")), "an IPv4 address in IPv6's clothes");
        assert!(!access.admits(ip("192.0.3.1")) && !access.admits(ip("2001:db8::1")));
    }

    const RATE: NonZeroU32 = NonZeroU32::new(10).unwrap();
    const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn a_source_may_send_a_burst_and_then_its_rate() {
        let mut limits = RateLimits::default();
        let mut sent_at = |now: Time| {
            let allowed = |_: &u64| limits.delay(SOURCE, RATE, now, (1, false)).is_zero();
            (0..100).take_while(allowed).count() as u64
        };
        let start = Time::from_nanos(5_000_000_000);
        assert_eq!(sent_at(start), 11);
        assert_eq!(sent_at(start), 0, "what was refused does not count, and changes nothing");
        assert_eq!(sent_at(start + Duration::from_millis(300)), 3);
    }

    #[test]
    fn a_fast_one_may_send_a_tenth_of_a_second_at_once_and_none_of_it_once_exhausted() {
        let rate = NonZeroU32::new(2000).unwrap();
        let mut limits = RateLimits::default();
        let mut sent =
            |now| (0..1000).take_while(|_| limits.delay(SOURCE, rate, now, (1, false)).is_zero()).count();
        assert_eq!(sent(Time::ZERO), 201);
        let until = Time::ZERO + Duration::from_secs(2);
        limits.exhaust(SOURCE, rate, until);
        assert!(!limits.delay(SOURCE, rate, Time::ZERO + Duration::from_secs(1), (1, false)).is_zero());
        assert!(limits.delay(SOURCE, rate, until, (1, false)).is_zero());
        assert!(!limits.delay(SOURCE, rate, until, (1, false)).is_zero());
    }

    #[test]
    fn a_connection_is_told_how_long_to_wait() {
        let mut limits = RateLimits::default();
        let mut delay = |messages| limits.delay(SOURCE, RATE, Time::ZERO, (messages, true));
        assert_eq!(delay(20), Duration::ZERO);
        assert_eq!(delay(1), Duration::from_secs(1));
        assert_eq!(delay(1), Duration::from_millis(1100));
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_share_one_rate() {
        let mut limits = RateLimits::default();
        let mut delay = |ip: &str| limits.delay(ip.parse().unwrap(), RATE, Time::ZERO, (20, true));
        assert!(delay("2001:db8::1").is_zero());
        assert!(!delay("2001:db8::2").is_zero());
        assert!(delay("2001:db8:0:1::1").is_zero());
    }

    #[test]
    fn loopback_is_unlimited_unless_a_rate_is_given() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(Access::default().rate_of(loopback), None);
        assert_eq!(Access::default().rate_of(SOURCE), Some(DEFAULT_RATE));
        let access = Access { allow: Vec::new(), rate: Some(RATE) };
        assert_eq!(access.rate_of(loopback), Some(RATE));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut table = Bounded::<usize, bool>::default();
        for key in 0..SOURCES + 10 {
            *table.entry(key) = true;
        }
        assert_eq!(table.entries.len(), SOURCES);
        assert!(!*table.entry(0), "the oldest was forgotten");
        assert!(*table.entry(SOURCES + 9));
    }
}
