//! The client's side: sends queries on every interface, and lists the servers that answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    sync::Arc,
    time::Duration,
};

use rand::Rng as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use super::{ERROR_PAUSE, ON_LINK, PORT, Scope, error::DiscoverError, interfaces::Interface};
use crate::{
    path::{
        Host,
        direct::{LinkSocket, Origin},
    },
    target::{Family, Name, Target},
    unit::{Time, serialize_nanos},
    wire::discovery::{Answer, DiscoveryError, MAX_URLS, Nonce, QUERY_BYTES, Query},
};

/// How many queries go to each destination, because a datagram may be lost.
const QUERIES: u32 = 3;
/// Maximum number of servers in the list, so that a flood of answers costs little memory.
const MAX_SERVERS: usize = 1024;
/// Maximum number of received datagrams in the queue. More are dropped.
const BACKLOG: usize = 256;

/// Where to search, and for how long.
#[derive(Debug, Clone)]
pub struct Search {
    /// How far multicast queries go.
    pub scope: Scope,
    /// The hop limit of multicast queries in [`Scope::Site`].
    pub hops: u8,
    /// Whether to ask the broadcast address of each interface, too.
    pub broadcast: bool,
    /// The interfaces on which to send queries. If empty: all but loopback.
    pub interfaces: Vec<String>,
    /// The address family. `None`: both.
    pub family: Option<Family>,
    /// How long to wait for answers.
    pub wait: Duration,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Findings {
    /// The servers, by name.
    pub servers: Vec<Found>,
    /// Servers that answered in another version of the format than [`VERSION`](crate::wire::discovery::VERSION).
    pub other_versions: BTreeSet<OtherVersion>,
    /// The interfaces on which a query was sent.
    pub interfaces: Vec<String>,
    /// Datagrams received that did not answer a query, and answers beyond the maximum number of servers.
    pub ignored: u64,
}

/// A server that answered in another version of the format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct OtherVersion {
    /// The address that answered.
    pub address: IpAddr,
    /// The interface on which it answered.
    pub interface: String,
    /// The version.
    pub version: u8,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// Its name. It may hold control characters.
    pub name: String,
    /// The program and its version. It may hold control characters.
    pub program: String,
    /// The URLs on which it listens.
    pub urls: Vec<String>,
    /// The shortest time from a query to its answer.
    #[serde(rename = "round_trip_ns", serialize_with = "serialize_nanos")]
    pub round_trip: Duration,
    /// The addresses that answered.
    pub addresses: BTreeSet<IpAddr>,
    /// The interfaces on which it answered.
    pub interfaces: BTreeSet<String>,
}

/// Sends queries and collects the answers.
///
/// Returns an error if there is no interface for the search, or if no query can be sent.
pub async fn search(host: &Arc<dyn Host>, search: &Search) -> Result<Findings, DiscoverError> {
    let interfaces = select(Interface::all()?, &search.interfaces)?;
    let askers: Vec<_> = interfaces.iter().flat_map(|interface| Asker::all(interface, search)).collect();
    let (sender, mut datagrams) = mpsc::channel(BACKLOG);
    let mut failed = None;
    let mut open = Vec::new();
    for asker in askers {
        match asker.open(search) {
            Ok(socket) => {
                let socket = Arc::new(socket);
                host.spawn("a search", Box::pin(forward(host.clone(), socket.clone(), sender.clone())));
                open.push((asker, socket));
            }
            Err(source) => failed = Some(DiscoverError::Send { interface: asker.interface, source }),
        }
    }
    let mut collector = Collector::new(&interfaces, search);
    let start = host.now();
    for round in 0..QUERIES {
        // Each round begins elsewhere, because a server's rate limit may allow answers to the first queries only.
        let (later, sooner) = open.split_at(open.len() * round as usize / QUERIES as usize);
        for (asker, socket) in sooner.iter().chain(later) {
            if let Err(source) = asker.ask(&**host, socket, &mut collector) {
                failed = Some(DiscoverError::Send { interface: asker.interface.clone(), source });
            }
        }
        if collector.asked_on.is_empty() {
            let none = || search.family.map_or(DiscoverError::NoInterface, DiscoverError::NoAddress);
            return Err(failed.unwrap_or_else(none));
        }
        let until = start + search.wait * (round + 1) / QUERIES;
        loop {
            tokio::select! {
                biased;
                // First, so that a flood of datagrams does not prolong the search.
                () = host.sleep_until(until) => break,
                Some(datagram) = datagrams.recv() => collector.received(&datagram),
            }
        }
    }
    Ok(collector.findings())
}

/// The interfaces with the names `wanted`, or all but loopback.
fn select(all: Vec<Interface>, wanted: &[String]) -> Result<Vec<Interface>, DiscoverError> {
    if let Some(unknown) = wanted.iter().find(|name| all.iter().all(|known| known.name != **name)) {
        return Err(DiscoverError::Unknown(unknown.clone()));
    }
    let is_wanted = |interface: &Interface| match wanted {
        [] => !interface.is_loopback(),
        some => some.contains(&interface.name),
    };
    let selected: Vec<_> = all.into_iter().filter(is_wanted).collect();
    if selected.is_empty() { Err(DiscoverError::NoInterface) } else { Ok(selected) }
}

/// Sends queries from one address.
#[derive(Debug)]
struct Asker {
    interface: String,
    from: SocketAddr,
    to: Vec<SocketAddr>,
}

impl Asker {
    /// One for each address family of `interface`.
    fn all(interface: &Interface, search: &Search) -> Vec<Self> {
        let first = |is_wanted: fn(IpAddr) -> bool| {
            interface.networks.iter().map(|network| network.addr()).find(|ip| is_wanted(*ip))
        };
        let is_link_local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        // Routers may forward queries to the site, but none with a link-local source (RFC 4291 section 2.5.6).
        let far = first(|ip| matches!(ip, IpAddr::V6(ip) if !ip.is_unicast_link_local()))
            .filter(|_| search.scope == Scope::Site);
        let from = [first(|ip| ip.is_ipv4()), far.or(first(is_link_local)).or(first(|ip| ip.is_ipv6()))];
        let from = from
            .into_iter()
            .flatten()
            .filter(|ip| search.family.is_none_or(|family| (family == Family::V4) == ip.is_ipv4()));
        from.map(|ip| {
            let address = |ip, port| match ip {
                IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, interface.index).into(),
                ip => SocketAddr::new(ip, port),
            };
            let broadcasts = interface.broadcasts.iter().filter(|_| search.broadcast && ip.is_ipv4());
            let groups = [search.scope.group(ip)].into_iter();
            let to = groups.chain(broadcasts.map(|ip| IpAddr::from(*ip))).map(|ip| address(ip, PORT));
            Self { interface: interface.name.clone(), from: address(ip, 0), to: to.collect() }
        })
        .collect()
    }

    fn open(&self, search: &Search) -> io::Result<LinkSocket> {
        let socket = Socket::new(Domain::for_address(self.from), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        let hops = if search.scope == Scope::Link { ON_LINK } else { search.hops };
        match self.from {
            SocketAddr::V4(from) => {
                socket.set_multicast_if_v4(from.ip())?;
                socket.set_multicast_ttl_v4(hops.into())?;
                // For broadcasts.
                socket.set_ttl_v4(ON_LINK.into())?;
                socket.set_broadcast(search.broadcast)?;
            }
            SocketAddr::V6(from) => {
                socket.set_multicast_if_v6(from.scope_id())?;
                socket.set_multicast_hops_v6(hops.into())?;
            }
        }
        socket.bind(&self.from.into())?;
        LinkSocket::new(socket)
    }

    /// Sends a query to each destination.
    ///
    /// Returns the last error if none was sent.
    fn ask(&self, host: &dyn Host, socket: &LinkSocket, collector: &mut Collector) -> io::Result<()> {
        let (mut asked, mut failed) = (false, Ok(()));
        for to in &self.to {
            let mut nonce = Nonce::default();
            rand::rng().fill_bytes(&mut nonce);
            let at = host.now();
            match socket.send(&Query { nonce }.encode(), *to) {
                Ok(()) => {
                    collector.asked(nonce, at, &self.interface);
                    asked = true;
                }
                Err(error) => failed = Err(error),
            }
        }
        if asked { Ok(()) } else { failed }
    }
}

/// A datagram, with the time of its arrival.
type Arrival = (Time, Vec<u8>, Origin);

/// Forwards what a socket receives, until the search ends.
async fn forward(host: Arc<dyn Host>, socket: Arc<LinkSocket>, to: mpsc::Sender<Arrival>) {
    // One byte more than an answer, to detect a longer datagram.
    let mut buffer = [0; QUERY_BYTES + 1];
    loop {
        let received = tokio::select! {
            biased;
            () = to.closed() => return,
            received = socket.recv(&mut buffer) => received,
        };
        match received {
            Ok((length, origin)) => {
                let _ = to.try_send((host.now(), buffer[..length].to_vec(), origin));
            }
            Err(_) => host.sleep(ERROR_PAUSE).await,
        }
    }
}

/// The answers so far.
#[derive(Debug)]
struct Collector {
    names: BTreeMap<u32, String>,
    /// Whether only answers from the link are accepted.
    on_link: bool,
    sent: BTreeMap<Nonce, Time>,
    asked_on: BTreeSet<String>,
    found: BTreeMap<u64, Found>,
    other_versions: BTreeSet<OtherVersion>,
    ignored: u64,
}

impl Collector {
    fn new(interfaces: &[Interface], search: &Search) -> Self {
        Self {
            names: interfaces.iter().map(|interface| (interface.index, interface.name.clone())).collect(),
            on_link: search.scope == Scope::Link || search.hops == 1,
            sent: BTreeMap::new(),
            asked_on: BTreeSet::new(),
            found: BTreeMap::new(),
            other_versions: BTreeSet::new(),
            ignored: 0,
        }
    }

    fn asked(&mut self, nonce: Nonce, at: Time, interface: &str) {
        self.sent.insert(nonce, at);
        self.asked_on.insert(interface.to_owned());
    }

    fn received(&mut self, (at, datagram, origin): &Arrival) {
        if self.note(*at, datagram, *origin).is_none() {
            self.ignored += 1;
        }
    }

    /// Adds an answer to the list. `None` if it is ignored.
    fn note(&mut self, at: Time, datagram: &[u8], origin: Origin) -> Option<()> {
        match Answer::parse(datagram) {
            Ok(answer) => self.note_server(at, &answer, origin),
            Err(DiscoveryError::Version { version, nonce }) => {
                let (_, interface) = self.admit(&nonce, origin)?;
                let other = OtherVersion { address: origin.from.ip(), interface, version };
                let has_room = self.other_versions.len() < MAX_SERVERS;
                (self.other_versions.contains(&other) || has_room && self.other_versions.insert(other))
                    .then_some(())
            }
            Err(DiscoveryError::Foreign | DiscoveryError::Malformed) => None,
        }
    }

    /// When the query with this nonce was sent, and the interface of the answer. `None` if the answer is not accepted.
    fn admit(&self, nonce: &Nonce, origin: Origin) -> Option<(Time, String)> {
        let sent = *self.sent.get(nonce)?;
        if self.on_link && origin.hop_limit.is_some_and(|limit| limit != ON_LINK) {
            return None;
        }
        Some((sent, self.names.get(&origin.interface)?.clone()))
    }

    fn note_server(&mut self, at: Time, answer: &Answer<'_>, origin: Origin) -> Option<()> {
        let (sent, interface) = self.admit(&answer.nonce, origin)?;
        if self.found.len() == MAX_SERVERS && !self.found.contains_key(&answer.instance) {
            return None;
        }
        let round_trip = at.since(sent);
        let found = self.found.entry(answer.instance).or_insert_with(|| Found {
            name: answer.name.to_owned(),
            program: answer.program.to_owned(),
            urls: Vec::new(),
            round_trip,
            addresses: BTreeSet::new(),
            interfaces: BTreeSet::new(),
        });
        found.round_trip = found.round_trip.min(round_trip);
        for url in answer.urls.iter().filter_map(|url| usable(url, &interface)) {
            if found.urls.len() < MAX_URLS && !found.urls.contains(&url) {
                found.urls.push(url);
            }
        }
        if found.addresses.len() < MAX_URLS {
            found.addresses.insert(origin.from.ip());
        }
        found.interfaces.insert(interface);
        Some(())
    }

    fn findings(self) -> Findings {
        let mut servers: Vec<_> = self.found.into_values().collect();
        servers.sort_by(|a, b| (&a.name, &a.urls).cmp(&(&b.name, &b.urls)));
        let interfaces = self.asked_on.into_iter().collect();
        Findings { servers, other_versions: self.other_versions, interfaces, ignored: self.ignored }
    }
}

/// Parses a URL from the network and writes it again, so that no unchecked text is printed. A link-local address gets
/// `interface` as its zone. `None` if the URL is not valid.
fn usable(url: &str, interface: &str) -> Option<String> {
    let mut target: Target = url.parse().ok()?;
    if let Name::Ip(IpAddr::V6(ip)) = target.name
        && ip.is_unicast_link_local()
    {
        target.name = Name::InZone(ip, interface.to_owned());
    }
    Some(target.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, name: &str, network: &str) -> Interface {
        let networks = vec![network.parse().unwrap()];
        Interface { index, name: name.to_owned(), networks, broadcasts: Vec::new() }
    }

    fn two() -> Vec<Interface> {
        vec![interface(1, "lo", "127.0.0.1/8"), interface(3, "wlan0", "192.0.2.7/24")]
    }

    fn settings(scope: Scope, hops: u8) -> Search {
        let wait = Duration::from_secs(1);
        Search { scope, hops, broadcast: false, interfaces: Vec::new(), family: None, wait }
    }

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn answer<'a>(nonce: u8, instance: u64, name: &'a str, urls: &[&'a str]) -> Vec<u8> {
        Answer { nonce: [nonce; 16], instance, name, program: "wirelab 0.1.0", urls: urls.to_vec() }.encode()
    }

    fn origin(interface: u32, hop_limit: u8) -> Origin {
        let ip: IpAddr = [192, 0, 2, 9].into();
        Origin { from: (ip, PORT).into(), to: ip, interface, hop_limit: Some(hop_limit) }
    }

    #[test]
    fn a_server_is_listed_once_with_its_shortest_round_trip_and_all_its_urls() {
        let mut collector = Collector::new(&two(), &settings(Scope::Link, 1));
        collector.asked([1; 16], at(0), "wlan0");
        collector.asked([2; 16], at(10), "wlan0");
        for (millis, datagram) in [
            (5, answer(1, 7, "b", &["udp://192.0.2.9:9999"])),
            (12, answer(2, 7, "b", &["udp://192.0.2.9:9999", "udp://[fe80::9]:9999"])),
            (13, answer(2, 8, "a", &["quic://192.0.2.10:4433", "no URL", "http://x\x1b[2J"])),
        ] {
            collector.received(&(at(millis), datagram, origin(3, 255)));
        }
        let found = collector.findings();
        assert_eq!((found.interfaces, found.ignored), (vec!["wlan0".to_owned()], 0));
        let servers: Vec<_> = found
            .servers
            .iter()
            .map(|s| (s.name.as_str(), s.round_trip.as_millis(), s.urls.join(" ")))
            .collect();
        assert_eq!(servers[0], ("a", 3, "quic://192.0.2.10:4433".to_owned()));
        assert_eq!(servers[1], ("b", 2, "udp://192.0.2.9:9999 udp://[fe80::9%25wlan0]:9999".to_owned()));
        assert_eq!(servers.len(), 2);
    }

    #[test]
    fn garbage_strangers_and_routed_answers_are_ignored() {
        let heard = |scope, hops, datagram: Vec<u8>, origin| {
            let mut collector = Collector::new(&two(), &settings(scope, hops));
            collector.asked([1; 16], at(0), "wlan0");
            collector.received(&(at(5), datagram, origin));
            let found = collector.findings();
            assert_eq!(found.servers.len() as u64 + found.ignored, 1);
            found.servers.len()
        };
        let genuine = answer(1, 7, "b", &[]);
        assert_eq!(heard(Scope::Link, 1, genuine.clone(), origin(3, 255)), 1);
        assert_eq!(heard(Scope::Link, 1, genuine.clone(), origin(3, 254)), 0);
        assert_eq!(heard(Scope::Site, 1, genuine.clone(), origin(3, 254)), 0);
        assert_eq!(heard(Scope::Site, 2, genuine.clone(), origin(3, 254)), 1);
        assert_eq!(heard(Scope::Link, 1, genuine, origin(9, 255)), 0, "an interface that was not asked on");
        assert_eq!(heard(Scope::Link, 1, answer(2, 7, "b", &[]), origin(3, 255)), 0, "not our query");
        assert_eq!(heard(Scope::Link, 1, b"garbage".to_vec(), origin(3, 255)), 0);
    }

    #[test]
    fn an_answer_of_another_version_is_listed_apart() {
        let mut newer = answer(1, 7, "b", &[]);
        newer[8] = 2;
        let mut collector = Collector::new(&two(), &settings(Scope::Link, 1));
        collector.asked([1; 16], at(0), "wlan0");
        // The same twice, then one from a router, and one that answers no query of ours.
        for hop_limit in [255, 255, 254] {
            collector.received(&(at(5), newer.clone(), origin(3, hop_limit)));
        }
        newer[9] = 2;
        collector.received(&(at(5), newer, origin(3, 255)));
        let found = collector.findings();
        let address = [192, 0, 2, 9].into();
        let listed = OtherVersion { address, interface: "wlan0".to_owned(), version: 2 };
        assert_eq!(found.other_versions, BTreeSet::from([listed]));
        assert_eq!((found.servers.len(), found.ignored), (0, 2));
    }

    #[test]
    fn a_flood_of_answers_fills_no_memory() {
        let mut collector = Collector::new(&two(), &settings(Scope::Link, 1));
        collector.asked([1; 16], at(0), "wlan0");
        for instance in 0..MAX_SERVERS as u64 + 10 {
            collector.received(&(at(1), answer(1, instance, "x", &[]), origin(3, 255)));
        }
        for url in 0..100 {
            let url = format!("udp://192.0.2.9:{}", 1000 + url);
            collector.received(&(at(1), answer(1, 0, "x", &[&url]), origin(3, 255)));
        }
        for version in 0..=u8::MAX {
            for last in 0..=u8::MAX {
                let mut newer = answer(1, 7, "b", &[]);
                newer[8] = version;
                let mut origin = origin(3, 255);
                origin.from.set_ip([192, 0, 2, last].into());
                collector.received(&(at(1), newer, origin));
            }
        }
        let found = collector.findings();
        assert_eq!(found.other_versions.len(), MAX_SERVERS);
        assert_eq!((found.servers.len(), found.ignored), (MAX_SERVERS, 10 + 255 * 256 - MAX_SERVERS as u64));
        assert_eq!(found.servers.iter().map(|server| server.urls.len()).max(), Some(MAX_URLS));
    }

    #[test]
    fn loopback_is_asked_only_by_name() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
            select(two(), &wanted).map(|all| all.into_iter().map(|i| i.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["wlan0"]);
        assert_eq!(names(&["lo"]).unwrap(), ["lo"]);
        assert!(matches!(names(&["eth7"]), Err(DiscoverError::Unknown(name)) if name == "eth7"));
        assert!(matches!(select(two()[..1].to_vec(), &[]), Err(DiscoverError::NoInterface)));
    }
}
