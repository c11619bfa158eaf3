//! The server's side: answers queries, within limits.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use rand::Rng as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

use super::{
    ERROR_PAUSE, ON_LINK, PORT, Scope, error::DiscoverError, interfaces::Interface, memberships::Memberships,
};
use crate::{
    path::{
        Host,
        direct::{LinkSocket, Origin},
    },
    serve::{Access, Bind, Bucket, Counters, Excess, Observer, RateLimits, Refusal, Report, may_answer},
    unit::{Mutex, Recent, Time},
    wire::discovery::{Answer, QUERY_BYTES, Query},
};

/// Maximum answers per second to one source: an IPv4 address, a link-local IPv6 address, or an IPv6 /64 network.
const SOURCE_RATE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Maximum answers per second in total.
const TOTAL_RATE: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
/// How often the list of interfaces is read again, and the groups are joined on new interfaces.
const RENEWAL: Duration = Duration::from_secs(5);
/// The name of the socket in the report and in messages.
const TITLE: &str = "discovery";

/// What a server tells clients about itself.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// Its name.
    pub name: String,
    /// The program and its version.
    pub program: String,
    /// The addresses on which it listens.
    pub binds: Vec<Bind>,
    /// Who may ask.
    pub access: Access,
}

impl Announcement {
    /// Whether another machine can reach one of the URLs.
    pub fn is_reachable(&self) -> bool {
        self.binds.iter().any(|bind| !bind.local.ip().to_canonical().is_loopback())
    }
}

/// Answers queries until it is dropped.
#[derive(Debug)]
pub struct Discoverable {
    counters: Arc<Counters>,
    /// Dropping it ends the tasks.
    _alive: watch::Sender<()>,
}

impl Discoverable {
    /// How many queries were answered and refused.
    pub fn report(&self) -> Report {
        Counters::report(TITLE.to_owned(), std::slice::from_ref(&self.counters))
    }
}

/// Answers queries on all interfaces. Several servers on one machine can share the port.
///
/// Returns an error if the port can be opened neither for IPv4 nor for IPv6.
pub fn announce(
    host: &Arc<dyn Host>,
    announcement: Announcement,
    observer: Arc<dyn Observer>,
) -> Result<Discoverable, DiscoverError> {
    let families: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let (mut sockets, mut failed) = (Vec::new(), None);
    for family in families {
        match listen(family) {
            Ok(socket) => sockets.push((socket, Memberships::new(family))),
            Err(e) => failed = Some(e),
        }
    }
    if let Some(source) = failed.filter(|_| sockets.is_empty()) {
        return Err(DiscoverError::Listen { port: PORT, source });
    }
    let counters = Arc::<Counters>::default();
    let (alive, ended) = watch::channel(());
    let responder = Arc::new(Mutex::new(Responder::new(announcement, rand::rng().next_u64())));
    for (socket, memberships) in sockets {
        let mut task = Task {
            host: host.clone(),
            responder: responder.clone(),
            socket,
            counters: counters.clone(),
            observer: observer.clone(),
            interfaces: Vec::new(),
            memberships,
        };
        task.renew();
        host.spawn("a discovery responder", Box::pin(task.run(ended.clone())));
    }
    Ok(Discoverable { counters, _alive: alive })
}

/// A socket for queries. The kernel delivers a query to a group to every socket that shares the port.
fn listen(family: IpAddr) -> io::Result<LinkSocket> {
    let local = SocketAddr::new(family, PORT);
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if local.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_unicast_hops_v6(ON_LINK.into())?;
    } else {
        socket.set_ttl_v4(ON_LINK.into())?;
    }
    socket.bind(&local.into())?;
    LinkSocket::new(socket)
}

/// The responder on one socket.
struct Task {
    host: Arc<dyn Host>,
    /// Shared by the sockets, because the limits apply to both together.
    responder: Arc<Mutex<Responder>>,
    socket: LinkSocket,
    counters: Arc<Counters>,
    observer: Arc<dyn Observer>,
    interfaces: Vec<Interface>,
    memberships: Memberships,
}

impl Task {
    async fn run(mut self, mut ended: watch::Receiver<()>) {
        // One byte more than a query, to detect a longer datagram.
        let mut buffer = [0; QUERY_BYTES + 1];
        let mut renewal = self.host.now() + RENEWAL;
        loop {
            tokio::select! {
                biased;
                _ = ended.changed() => return,
                () = self.host.sleep_until(renewal) => {
                    renewal = self.host.now() + RENEWAL;
                    self.renew();
                }
                received = self.socket.recv(&mut buffer) => match received {
                    Ok((length, origin)) => self.received(&buffer[..length], origin),
                    Err(e) => {
                        self.observer.trouble(TITLE, &e.to_string());
                        self.host.sleep(ERROR_PAUSE).await;
                    }
                },
            }
        }
    }

    fn renew(&mut self) {
        match Interface::all() {
            Ok(interfaces) => self.interfaces = interfaces,
            Err(error) => return self.observer.trouble(TITLE, &error.to_string()),
        }
        for failure in self.memberships.renew(&self.interfaces) {
            self.observer.trouble(TITLE, &failure);
        }
    }

    fn received(&mut self, datagram: &[u8], origin: Origin) {
        let interface = self.interfaces.iter().find(|interface| interface.index == origin.interface);
        let mut responder = self.responder.lock();
        match responder.answer(self.host.now(), datagram, origin, interface) {
            Ok(answer) => {
                self.counters.received(datagram.len());
                match self.socket.send(&answer, origin.from) {
                    Ok(()) => {
                        self.counters.answered(1);
                        self.counters.sent(answer.len());
                    }
                    Err(_) => self.counters.refuse(Refusal::SendFailed, 1),
                }
                if responder.is_new(origin.from.ip()) {
                    self.counters.client();
                    self.observer.client(TITLE, origin.from);
                }
            }
            Err(refusal) => self.counters.refuse(refusal, 1),
        }
    }
}

/// Decides which queries are answered, and how.
#[derive(Debug)]
struct Responder {
    announcement: Announcement,
    instance: u64,
    rates: RateLimits,
    total: Bucket,
    asked: Recent<IpAddr, bool>,
}

impl Responder {
    fn new(announcement: Announcement, instance: u64) -> Self {
        Self {
            announcement,
            instance,
            rates: RateLimits::default(),
            total: Bucket::default(),
            asked: Recent::default(),
        }
    }

    /// The answer to a datagram that arrived at `now` on `interface`.
    fn answer(
        &mut self,
        now: Time,
        datagram: &[u8],
        origin: Origin,
        interface: Option<&Interface>,
    ) -> Result<Vec<u8>, Refusal> {
        let query = Query::parse(datagram).map_err(|_| Refusal::Stray)?;
        may_answer(origin.from, &[PORT])?;
        let interface = interface.ok_or(Refusal::OffLink)?;
        self.check_origin(origin, interface)?;
        let urls = self.urls(origin.from.ip(), interface);
        if urls.is_empty() {
            return Err(Refusal::NoUrl);
        }
        let source = origin.from.ip();
        let within = self.rates.delay(limited_as(source), SOURCE_RATE, now, 1, Excess::Dropped).is_zero()
            && self.total.delay(TOTAL_RATE, now, 1, Excess::Dropped).is_zero();
        if !within {
            return Err(Refusal::RateLimit);
        }
        let answer = Answer {
            nonce: query.nonce,
            instance: self.instance,
            name: &self.announcement.name,
            program: &self.announcement.program,
            urls: urls.iter().map(String::as_str).collect(),
        };
        Ok(answer.encode())
    }

    /// Refuses queries that were not sent by multicast or broadcast from a host of this link or of a listed network.
    fn check_origin(&self, origin: Origin, interface: &Interface) -> Result<(), Refusal> {
        let source = origin.from.ip();
        let access = &self.announcement.access;
        if !access.allows(source) {
            return Err(Refusal::NotAllowed);
        }
        let is_group = |scope: Scope| origin.to == scope.group(origin.to);
        let is_broadcast = || match origin.to {
            IpAddr::V4(to) => to.is_broadcast() || interface.broadcasts.contains(&to),
            IpAddr::V6(_) => false,
        };
        let admitted = if is_group(Scope::Link) || is_broadcast() {
            // If the kernel does not report the hop limit, only the source's network is checked.
            interface.is_on_link(source) && origin.hop_limit.is_none_or(|limit| limit == ON_LINK)
        } else {
            is_group(Scope::Site) && (interface.is_on_link(source) || access.lists(source))
        };
        if admitted { Ok(()) } else { Err(Refusal::OffLink) }
    }

    /// The URLs that `peer` can use. Its query arrived on `interface`.
    fn urls(&self, peer: IpAddr, interface: &Interface) -> Vec<String> {
        let address = |local: SocketAddr| match local.ip() {
            // A socket on `[::]` also accepts IPv4.
            IpAddr::V6(ip) if ip.is_unspecified() => interface.address_for(peer),
            IpAddr::V4(ip) if ip.is_unspecified() => interface
                .address_for(peer)
                .filter(IpAddr::is_ipv4)
                .or_else(|| interface.address_like(ip.into())),
            ip if ip.to_canonical().is_loopback() => Some(ip).filter(|_| interface.is_loopback()),
            // Hosts on other links cannot reach it.
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                Some(ip.into()).filter(|ip| interface.networks.iter().any(|network| network.addr() == *ip))
            }
            ip => Some(ip),
        };
        let url = |bind: &Bind| {
            let ip = address(bind.local)?;
            Some(bind.scheme.url(SocketAddr::new(ip, bind.local.port())))
        };
        self.announcement.binds.iter().filter_map(url).collect()
    }

    /// Whether `source` is answered for the first time.
    fn is_new(&mut self, source: IpAddr) -> bool {
        !std::mem::replace(self.asked.entry(source), true)
    }
}

/// The address by which the rate of `source` is limited. IPv6 is limited by /64, but all hosts of a link share that of
/// link-local addresses, so their interface identifiers take its place.
fn limited_as(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Ipv6Addr::from_bits(ip.to_bits() << 64).into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Transport;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn wlan() -> Interface {
        Interface {
            index: 3,
            name: "wlan0".to_owned(),
            networks: ["192.0.2.7/24", "fe80::7/64", "2001:db8::7/64"].map(|n| n.parse().unwrap()).into(),
            broadcasts: vec![Ipv4Addr::new(192, 0, 2, 255)],
        }
    }

    fn loopback() -> Interface {
        Interface {
            index: 1,
            name: "lo".to_owned(),
            networks: ["127.0.0.1/8", "::1/128"].map(|n| n.parse().unwrap()).into(),
            broadcasts: Vec::new(),
        }
    }

    fn responder(locals: &[&str], allow: &[&str]) -> Responder {
        let bind = |local: &&str| Bind { scheme: Transport::UDP.scheme(), local: local.parse().unwrap() };
        let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
        let announcement = Announcement {
            name: "lab".to_owned(),
            program: "wirelab 0.1.0".to_owned(),
            binds: locals.iter().map(bind).collect(),
            access: Access { allow, rate: None },
        };
        Responder::new(announcement, 5)
    }

    fn origin(from: &str, to: &str, hop_limit: u8) -> Origin {
        Origin {
            from: SocketAddr::new(ip(from), 40_000),
            to: ip(to),
            interface: 3,
            hop_limit: Some(hop_limit),
        }
    }

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn ask(responder: &mut Responder, now: Time, origin: Origin) -> Result<Vec<String>, Refusal> {
        let query = Query { nonce: [9; 16] }.encode();
        let answer = responder.answer(now, &query, origin, Some(&wlan()))?;
        assert!(answer.len() <= query.len(), "no longer than the query");
        let answer = Answer::parse(&answer).unwrap();
        assert_eq!((answer.nonce, answer.instance, answer.name), ([9; 16], 5, "lab"));
        Ok(answer.urls.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn only_hosts_of_the_link_are_answered() {
        let mut lab = responder(&["0.0.0.0:9999"], &[]);
        let mut outcome = |from, to, hops| {
            // So that the rate limit of a source does not matter.
            lab.rates = RateLimits::default();
            ask(&mut lab, Time::ZERO, origin(from, to, hops)).map(drop)
        };
        let (link, site) = ("224.0.0.254", "239.255.0.114");
        assert_eq!(outcome("192.0.2.9", link, 255), Ok(()));
        assert_eq!(outcome("192.0.2.9", "192.0.2.255", 255), Ok(()));
        assert_eq!(outcome("192.0.2.9", "255.255.255.255", 255), Ok(()));
        assert_eq!(outcome("fe80::9", "ff02::114", 255), Ok(()));
        assert_eq!(outcome("192.0.2.9", site, 1), Ok(()));
        for (from, to, hops) in [
            ("192.0.2.9", link, 254),
            ("192.0.2.9", link, 1),
            ("198.51.100.1", link, 255),
            ("192.0.2.9", "192.0.2.255", 64),
            ("192.0.2.9", "192.0.2.7", 255),
            ("fe80::9", "ff02::1", 255),
            ("198.51.100.1", site, 3),
            ("2001:db8:1::1", "ff05::114", 3),
        ] {
            assert_eq!(outcome(from, to, hops), Err(Refusal::OffLink), "{from} to {to} with {hops}");
        }
    }

    #[test]
    fn listed_networks_are_answered_across_the_site_and_others_nowhere() {
        let mut lab = responder(&["0.0.0.0:9999"], &["198.51.100.0/24"]);
        let mut outcome =
            |from, to, hops| ask(&mut lab, Time::ZERO, origin(from, to, hops)).map(|urls| urls.concat());
        assert_eq!(outcome("198.51.100.1", "239.255.0.114", 3).as_deref(), Ok("udp://192.0.2.7:9999"));
        assert_eq!(outcome("198.51.100.1", "224.0.0.254", 255), Err(Refusal::OffLink));
        assert_eq!(outcome("192.0.2.9", "224.0.0.254", 255), Err(Refusal::NotAllowed));
    }

    #[test]
    fn a_datagram_that_is_no_query_and_a_source_that_would_answer_are_ignored() {
        let mut lab = responder(&["0.0.0.0:9999"], &[]);
        let mut origin = origin("192.0.2.9", "224.0.0.254", 255);
        let query = Query { nonce: [9; 16] }.encode();
        for garbage in [&b""[..], b"hello", &query[..100], &[0xff; QUERY_BYTES]] {
            let refused = lab.answer(Time::ZERO, garbage, origin, Some(&wlan()));
            assert_eq!(refused, Err(Refusal::Stray));
        }
        assert_eq!(lab.answer(Time::ZERO, &query, origin, None), Err(Refusal::OffLink));
        origin.from.set_port(PORT);
        assert_eq!(ask(&mut lab, Time::ZERO, origin), Err(Refusal::AnswersBack));
    }

    #[test]
    fn answers_are_limited_per_source_and_in_total() {
        let mut lab = responder(&["0.0.0.0:9999"], &[]);
        let group = "224.0.0.254";
        let answered = |lab: &mut Responder, now, last: std::ops::Range<u8>| {
            last.filter(|last| ask(lab, now, origin(&format!("192.0.2.{last}"), group, 255)).is_ok()).count()
        };
        let one = |lab: &mut Responder, now| (0..100).map(|_| answered(lab, now, 9..10)).sum::<usize>();
        assert_eq!(one(&mut lab, at(0)), 11, "a burst");
        assert_eq!(one(&mut lab, at(1000)), 10, "then ten a second");
        assert_eq!(answered(&mut lab, at(3000), 10..210), 21, "the same for all together");
        assert_eq!(answered(&mut lab, at(3100), 10..210), 20, "200 a second");
        let refused = ask(&mut lab, at(3100), origin("192.0.2.250", group, 255));
        assert_eq!(refused, Err(Refusal::RateLimit));
    }

    #[test]
    fn link_local_addresses_are_limited_each_on_its_own() {
        let mut lab = responder(&["[::]:9999"], &[]);
        let mut answered = |network: &str| {
            let sources = (1..=30).map(|host| origin(&format!("{network}{host}"), "ff02::114", 255));
            // Late enough for the limit of all sources together.
            let times = (1..=30).map(|n| at(network.len() as u64 * 1000 + n * 10));
            times.zip(sources).filter(|(now, origin)| ask(&mut lab, *now, *origin).is_ok()).count()
        };
        assert_eq!(answered("fe80::"), 30);
        assert!(answered("2001:db8::") < 20, "hosts of one network");
    }

    #[test]
    fn urls_are_those_that_the_asker_can_use() {
        let all = ["0.0.0.0:1", "[::]:2", "127.0.0.1:3", "198.51.100.1:4", "[fe80::7]:5", "[fe80::8]:6"];
        let urls = |peer: &str, interface: &Interface| {
            responder(&all, &[]).urls(ip(peer), interface).join(" ").replace("udp://", "")
        };
        assert_eq!(urls("192.0.2.9", &wlan()), "192.0.2.7:1 192.0.2.7:2 198.51.100.1:4 [fe80::7]:5");
        assert_eq!(urls("fe80::9", &wlan()), "192.0.2.7:1 [fe80::7]:2 198.51.100.1:4 [fe80::7]:5");
        assert_eq!(urls("2001:db8::9", &wlan()), "192.0.2.7:1 [2001:db8::7]:2 198.51.100.1:4 [fe80::7]:5");
        assert_eq!(urls("127.0.0.1", &loopback()), "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 198.51.100.1:4");
        let mut private = responder(&["127.0.0.1:1"], &[]);
        let refused = ask(&mut private, Time::ZERO, origin("192.0.2.9", "224.0.0.254", 255));
        assert_eq!(refused, Err(Refusal::NoUrl));
        assert!(!private.announcement.is_reachable());
    }
}
