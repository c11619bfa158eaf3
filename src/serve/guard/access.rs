//! Which sources are answered.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use ipnet::IpNet;

use crate::serve::refusal::Refusal;

/// Default limit on the messages per second of one source. Loopback has no limit by default.
pub const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");

/// UDP ports of services that answer any datagram: two such services would answer each other without end. echo,
/// discard, daytime, qotd, chargen, time, DNS, TFTP, portmap, NTP, NetBIOS, SNMP, CLDAP, RIP, SSDP, mDNS, memcached,
/// game servers, the default ports of wirelab, and the port of `wirelab discover`.
const ANSWERING_PORTS: [u16; 26] = [
    7, 9, 13, 17, 19, 37, 53, 69, 111, 123, 137, 138, 161, 389, 520, 1900, 3702, 5353, 5355, 11211, 27015,
    9995, 9996, 9997, 9998, 9999,
];

/// Which sources a server answers, and how often.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Networks that are answered, in addition to loopback. If empty, every source is answered.
    pub allow: Vec<IpNet>,
    /// Limit on the messages per second of one source. `None`: [`DEFAULT_RATE`], and no limit for loopback.
    pub rate: Option<NonZeroU32>,
}

impl Access {
    /// Whether `source` may connect.
    pub(crate) fn allows(&self, source: IpAddr) -> bool {
        self.allow.is_empty() || self.lists(source)
    }

    /// Whether `source` is in the allow list or on this machine.
    pub(crate) fn lists(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        source.is_loopback() || self.allow.iter().any(|net| net.contains(&source))
    }

    /// Limit on the messages per second of `source`; `None` if it has none.
    pub(super) fn rate_of(&self, source: IpAddr) -> Option<NonZeroU32> {
        match self.rate {
            None if source.to_canonical().is_loopback() => None,
            rate => Some(rate.unwrap_or(DEFAULT_RATE)),
        }
    }
}

/// Whether a datagram from `source` may be answered by a server that listens on `own_ports`. The reply must not go to
/// the server itself, to a group, or to a port that would answer it (RFC 863 to 868, CERT CA-1996-01).
pub(crate) fn may_answer(source: SocketAddr, own_ports: &[u16]) -> Result<(), Refusal> {
    let ip = source.ip().to_canonical();
    let port = source.port();
    let to_group = ip.is_multicast() || ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    let answers = port == 0 || own_ports.contains(&port) || ANSWERING_PORTS.contains(&port);
    if to_group || answers { Err(Refusal::AnswersBack) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(source: &str) -> bool {
        may_answer(source.parse().unwrap(), &[7000, 7001]).is_err()
    }

    #[test]
    fn sources_that_might_answer_the_reply_are_not_answered() {
        for port in [0, 7, 13, 17, 19, 53, 123, 1900, 9996, 9997, 9998, 9999, 7000, 7001] {
            assert!(is_refused(&format!("192.0.2.2:{port}")), "{port}");
        }
        for source in ["224.0.0.1:40000", "255.255.255.255:40000", "0.0.0.0:40000", "[ff02::1]:40000"] {
            assert!(is_refused(source), "{source}");
        }
        assert!(!is_refused("192.0.2.2:40000"));
        assert!(!is_refused("[2001:db8::1]:40000"));
    }

    #[test]
    fn an_allow_list_admits_its_networks_and_loopback_only() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(Access::default().allows(ip("192.0.2.1")));
        assert!(!Access::default().lists(ip("192.0.2.1")));
        let access = Access { allow: vec!["192.0.2.0/24".parse().unwrap()], rate: None };
        assert!(access.allows(ip("192.0.2.1")) && access.allows(ip("127.0.0.1")) && access.allows(ip("::1")));
        assert!(access.allows(ip("::ffff:192.0.2.1")), "an IPv4-mapped IPv6 address");
        assert!(!access.allows(ip("192.0.3.1")) && !access.allows(ip("2001:db8::1")));
    }

    #[test]
    fn loopback_is_unlimited_unless_a_rate_is_given() {
        let rate = NonZeroU32::new(10).unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let remote = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(Access::default().rate_of(loopback), None);
        assert_eq!(Access::default().rate_of(remote), Some(DEFAULT_RATE));
        let access = Access { allow: Vec::new(), rate: Some(rate) };
        assert_eq!(access.rate_of(loopback), Some(rate));
    }
}
