//! The thread of a relay.

use std::{
    io,
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use quinn::udp::{EcnCodepoint, RecvMeta};
use rustix::event::{PollFd, PollFlags, Timespec, epoll};

use super::{
    ClientCounts, RelayOptions, RelayReport, Witness,
    clients::{ClientId, Clients},
    lock,
    socket::{Arrivals, RelaySocket, Run, datagrams},
};
use crate::{
    link::{Counters, Delivered, Link, Verdict},
    path::{
        Fidelity, Host,
        packet::{flip_bit, header_bytes},
        wait::Waiter,
    },
    stats::Histogram,
    unit::{Direction, PerDirection, Time, nanos},
};

/// Bytes that may be on the wire at a time. What comes beyond is refused, and not for the wire's account.
const MOST_HELD_BYTES: usize = 256 << 20;
/// What the front socket and the descriptor that ends the thread are called in events. Clients count from 0.
const FRONT: u64 = u64::MAX;
const WAKE: u64 = u64::MAX - 1;
/// Descriptors that are looked at before what is due is sent again.
const EVENTS: usize = 16;

/// A datagram on the wire.
#[derive(Debug, Clone)]
struct Packet {
    client: ClientId,
    ecn: Option<EcnCodepoint>,
    entered: Time,
    payload: Vec<u8>,
}

/// What others may look at while the thread runs.
#[derive(Debug)]
pub(super) struct Shared {
    links: PerDirection<Link<Packet>>,
    lateness: Histogram,
    sent: PerDirection<u64>,
    send_errors: u64,
    /// Datagrams for which there was no memory, or no client any more.
    dropped: u64,
    refused: u64,
    clients: ClientCounts,
    sockets: Vec<SocketAddr>,
    held: usize,
    /// Buffers of datagrams that have been sent, to be used again.
    spare: Vec<Vec<u8>>,
    failure: Option<String>,
}

impl Shared {
    pub(super) fn new(options: &RelayOptions, front: SocketAddr) -> Self {
        Self {
            links: PerDirection::from_fn(|way| Link::new(options.links[way].clone(), options.seed, way)),
            lateness: Histogram::new(),
            sent: PerDirection::default(),
            send_errors: 0,
            dropped: 0,
            refused: 0,
            clients: ClientCounts::default(),
            sockets: vec![front],
            held: 0,
            spare: Vec::new(),
            failure: None,
        }
    }

    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.links.as_ref().map(Link::counters)
    }

    pub(super) fn report(&self) -> RelayReport {
        RelayReport {
            wire: self.counters(),
            fidelity: Fidelity {
                lateness: self.lateness.clone(),
                dropped: Some(self.dropped),
                send_errors: self.send_errors,
            },
            sent: self.sent,
            clients: self.clients,
            refused: self.refused,
        }
    }

    pub(super) fn sockets(&self) -> Vec<SocketAddr> {
        self.sockets.clone()
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.failure.clone()
    }

    fn next_due(&self) -> Option<Time> {
        self.links.iter().filter_map(Link::poll_timeout).min()
    }

    /// Offers a datagram to the wire; `None` where there is no room for it.
    fn offer(
        &mut self,
        direction: Direction,
        (client, ecn, entered): (ClientId, Option<EcnCodepoint>, Time),
        header: usize,
        datagram: &[u8],
    ) -> Option<Verdict> {
        if self.held + 2 * datagram.len() > MOST_HELD_BYTES {
            self.dropped += 1;
            return None;
        }
        let mut payload = self.spare.pop().unwrap_or_default();
        payload.clear();
        payload.extend_from_slice(datagram);
        let packet = Packet { client, ecn, entered, payload };
        let verdict = self.links[direction].enqueue(entered, datagram.len() + header, packet);
        if let Verdict::Deliver { duplicate_at, .. } = verdict {
            self.held += datagram.len() * (1 + usize::from(duplicate_at.is_some()));
        }
        Some(verdict)
    }
}

pub(super) struct Engine {
    host: Arc<dyn Host>,
    to: SocketAddr,
    front: RelaySocket,
    clients: Clients,
    epoll: OwnedFd,
    /// Open for as long as it is waited for.
    _wake: Arc<OwnedFd>,
    shared: Arc<Mutex<Shared>>,
    witness: Option<Box<dyn Witness>>,
    arrivals: Arrivals,
    run: Run,
    /// When each datagram of the run was due.
    due: Vec<Time>,
    swept: Time,
}

impl Engine {
    pub(super) fn new(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        (front, wake): (RelaySocket, Arc<OwnedFd>),
        (shared, witness): (Arc<Mutex<Shared>>, Option<Box<dyn Witness>>),
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &front, epoll::EventData::new_u64(FRONT), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &*wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self {
            swept: host.now(),
            host,
            to: options.to,
            front,
            clients: Clients::new(options.clients),
            epoll,
            _wake: wake,
            shared,
            witness,
            arrivals: Arrivals::new(),
            run: Run::default(),
            due: Vec::new(),
        })
    }

    /// Relays until it is told to end.
    pub(super) fn run(&mut self) {
        if let Err(error) = self.relay() {
            lock(&self.shared).failure = Some(error.to_string());
        }
    }

    fn relay(&mut self) -> io::Result<()> {
        let mut waiter = Waiter::new();
        loop {
            self.deliver();
            self.sweep();
            let until = [lock(&self.shared).next_due(), self.clients.sweep().map(|every| self.swept + every)];
            let until = until.into_iter().flatten().min();
            let mut fds = [PollFd::new(&self.epoll, PollFlags::IN)];
            if waiter.wait(&mut fds, until, || self.host.now())? && !self.hear()? {
                return Ok(());
            }
        }
    }

    /// Takes in what has come; `false` if this is the end.
    fn hear(&mut self) -> io::Result<bool> {
        let mut space = [const { MaybeUninit::uninit() }; EVENTS];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let events = match epoll::wait(&self.epoll, &mut space, Some(&at_once)) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        for event in events {
            match event.data.u64() {
                WAKE => return Ok(false),
                FRONT => self.hear_clients(),
                client => self.hear_server(client),
            }
        }
        Ok(true)
    }

    fn hear_clients(&mut self) {
        if self.front.receive(&mut self.arrivals).is_err() {
            return;
        }
        let now = self.host.now();
        let mut arrivals = std::mem::replace(&mut self.arrivals, Arrivals::none());
        for (meta, run) in arrivals.runs() {
            let known = self.clients.heard_from(meta.addr, now);
            match known.or_else(|| self.take_in(meta.addr, meta.dst_ip, now)) {
                Some(client) => self.offer(Direction::ToServer, (client, now), (meta, run), self.to),
                None => lock(&self.shared).clients.refused += datagrams(meta, run).count() as u64,
            }
        }
        std::mem::swap(&mut self.arrivals, &mut arrivals);
    }

    fn hear_server(&mut self, client: ClientId) {
        let Some(from) = self.clients.get(client) else { return };
        let address = from.address;
        if let Err(error) = from.back.receive(&mut self.arrivals) {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                lock(&self.shared).refused += 1;
            }
            return;
        }
        let now = self.host.now();
        self.clients.heard(client, now);
        let mut arrivals = std::mem::replace(&mut self.arrivals, Arrivals::none());
        for (meta, run) in arrivals.runs() {
            self.offer(Direction::ToClient, (client, now), (meta, run), address);
        }
        std::mem::swap(&mut self.arrivals, &mut arrivals);
    }

    /// Offers a run of datagrams to the wire, one by one.
    fn offer(
        &mut self,
        direction: Direction,
        (client, now): (ClientId, Time),
        (meta, run): (&RecvMeta, &[u8]),
        receiver: SocketAddr,
    ) {
        let header = header_bytes(receiver);
        let mut shared = lock(&self.shared);
        for datagram in datagrams(meta, run) {
            let verdict = shared.offer(direction, (client, meta.ecn, now), header, datagram);
            if let (Some(witness), Some(verdict)) = (&mut self.witness, &verdict) {
                witness.entered(direction, now, datagram, verdict);
            }
        }
    }

    /// A new client, for whom another may have to go.
    fn take_in(&mut self, address: SocketAddr, spoken_to: Option<IpAddr>, now: Time) -> Option<ClientId> {
        if let Some(quietest) = self.clients.surplus() {
            self.forget(quietest);
            lock(&self.shared).clients.displaced += 1;
        }
        let id = self.clients.add((address, spoken_to), self.to, now).ok()?;
        let back = &self.clients.get(id)?.back;
        let data = epoll::EventData::new_u64(id);
        if epoll::add(&self.epoll, back, data, epoll::EventFlags::IN).is_err() {
            self.clients.remove(id);
            return None;
        }
        let mut shared = lock(&self.shared);
        shared.clients.accepted += 1;
        shared.clients.known = self.clients.len() as u64;
        shared.sockets.push(back.local_addr());
        Some(id)
    }

    fn forget(&mut self, id: ClientId) {
        // Its socket closes here, and with that epoll no longer knows it.
        let Some(client) = self.clients.remove(id) else { return };
        let mut shared = lock(&self.shared);
        shared.clients.known = self.clients.len() as u64;
        shared.sockets.retain(|socket| *socket != client.back.local_addr());
    }

    /// Forgets clients that are idle, every now and then.
    fn sweep(&mut self) {
        let Some(every) = self.clients.sweep() else { return };
        let now = self.host.now();
        if now.since(self.swept) < every {
            return;
        }
        self.swept = now;
        for idle in self.clients.idle(now) {
            self.forget(idle);
            lock(&self.shared).clients.idle += 1;
        }
    }

    /// Sends all that is due, those for one receiver together.
    fn deliver(&mut self) {
        let shared = self.shared.clone();
        let mut shared = lock(&shared);
        for direction in Direction::BOTH {
            let mut to = None;
            while let Some(delivered) = shared.links[direction].poll_delivery(self.host.now()) {
                self.join(&mut shared, direction, &mut to, delivered);
            }
            self.flush(&mut shared, direction, to);
        }
    }

    /// Puts a datagram to the run for `to`, after sending that where it does not go with it.
    fn join(
        &mut self,
        shared: &mut Shared,
        direction: Direction,
        to: &mut Option<ClientId>,
        delivered: Delivered<Packet>,
    ) {
        let Packet { client, ecn, entered, mut payload } = delivered.packet;
        shared.held -= payload.len();
        if let Some(draw) = delivered.corrupt {
            flip_bit(&mut payload, draw);
        }
        let most = self.clients.get(client).map_or(1, |client| match direction {
            Direction::ToServer => client.back.most_segments(),
            Direction::ToClient => self.front.most_segments(),
        });
        if *to != Some(client) || !self.run.takes(&payload, ecn, most) {
            self.flush(shared, direction, *to);
            *to = Some(client);
        }
        if let Some(witness) = &mut self.witness {
            witness.leaving(direction, entered, &payload);
        }
        self.run.push(&payload, ecn);
        self.due.push(delivered.at);
        shared.spare.push(payload);
    }

    fn flush(&mut self, shared: &mut Shared, direction: Direction, to: Option<ClientId>) {
        let Some(to) = to.filter(|_| !self.run.is_empty()) else { return };
        let count = self.due.len() as u64;
        match self.clients.get(to) {
            Some(client) => {
                let failed = match direction {
                    Direction::ToServer => client.back.send(&self.run, self.to, None),
                    Direction::ToClient => self.front.send(&self.run, client.address, client.spoken_to),
                };
                let now = self.host.now();
                shared.sent[direction] += count - failed;
                shared.send_errors += failed;
                self.due.iter().for_each(|due| shared.lateness.record(nanos(now - *due)));
            }
            None => shared.dropped += count,
        }
        self.run.clear();
        self.due.clear();
    }
}
