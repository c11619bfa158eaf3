//! The relay's thread.

use std::{
    io,
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::Arc,
};

use quinn::udp::{EcnCodepoint, RecvMeta};
use rustix::event::{PollFd, PollFlags, Timespec, epoll};

use super::{
    clients::{ClientId, Clients},
    options::RelayOptions,
    report::{ClientCounts, RelayReport},
    socket::{Arrivals, RelaySocket, Run, datagrams},
};
use crate::{
    link::{Counters, PacketTraits},
    path::{
        AddressChange, Host, NewAddress, Observers, Payload,
        address_change::changed_ip,
        packet::{datagram_traits, header_bytes},
        realtime::{Breakage, Due, Envelope, HeldPackets, broken},
        wait::Waiter,
    },
    unit::{Direction, Mutex, PerDirection, Time},
};

/// The front socket and the descriptor that ends the thread, in events. Clients count from 0.
const FRONT: u64 = u64::MAX;
const WAKE: u64 = u64::MAX - 1;
/// Descriptors read before due datagrams are sent again.
const EVENTS: usize = 16;

/// What is kept of a datagram on the wire.
#[derive(Debug, Clone, Copy)]
struct Addressed {
    client: ClientId,
    ecn: Option<EcnCodepoint>,
    from: SocketAddr,
    to: SocketAddr,
}

impl Envelope for Addressed {
    fn link_header(&self) -> usize {
        0
    }

    fn open<'a>(&self, datagram: &'a [u8]) -> (SocketAddr, SocketAddr, Payload<'a>) {
        (self.from, self.to, Payload::Udp(datagram))
    }

    fn ecn(&self, _: &[u8]) -> u8 {
        self.ecn.map_or(0, |ecn| ecn as u8)
    }

    fn traits(&self, _: &[u8]) -> PacketTraits {
        datagram_traits(self.from, self.to, self.ecn)
    }

    fn set_ecn(&mut self, _: &mut [u8], ecn: Option<EcnCodepoint>) {
        self.ecn = ecn;
    }
}

/// The state that the relay's thread shares with its owner.
#[derive(Debug)]
pub(super) struct State {
    packets: HeldPackets<Addressed>,
    sent: PerDirection<u64>,
    refused: u64,
    clients: ClientCounts,
    sockets: Vec<SocketAddr>,
}

impl State {
    pub(super) fn new(options: &RelayOptions, front: SocketAddr, observers: Observers) -> Self {
        let mut packets = HeldPackets::new(&options.links, options.seed, observers);
        options.change.iter().for_each(|change| packets.replace_at(change, options.seed));
        Self {
            packets,
            sent: PerDirection::default(),
            refused: 0,
            clients: ClientCounts::default(),
            sockets: vec![front],
        }
    }

    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.packets.counters()
    }

    pub(super) fn report(&self) -> RelayReport {
        RelayReport {
            wire: self.counters(),
            fidelity: self.packets.fidelity().clone(),
            sent: self.sent,
            clients: self.clients,
            refused: self.refused,
        }
    }

    pub(super) fn sockets(&self) -> Vec<SocketAddr> {
        self.sockets.clone()
    }
}

pub(super) struct Engine {
    host: Arc<dyn Host>,
    to: SocketAddr,
    front: RelaySocket,
    clients: Clients,
    epoll: OwnedFd,
    /// Kept open while epoll waits for it.
    _wake: Arc<OwnedFd>,
    state: Arc<Mutex<State>>,
    breakage: Arc<Breakage>,
    arrivals: Arrivals,
    run: Run,
    /// When each datagram of the run was due.
    due: Vec<Time>,
    swept: Time,
    change: Option<AddressChange>,
    has_changed: bool,
}

impl Engine {
    pub(super) fn new(
        host: Arc<dyn Host>,
        options: &RelayOptions,
        front: RelaySocket,
        wake: Arc<OwnedFd>,
        state: Arc<Mutex<State>>,
        breakage: Arc<Breakage>,
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
            state,
            breakage,
            arrivals: Arrivals::new(),
            run: Run::default(),
            due: Vec::new(),
            change: options.change.clone(),
            has_changed: false,
        })
    }

    /// Relays until told to end.
    pub(super) fn run(&mut self) {
        if let Err(error) = self.relay() {
            self.breakage.set(broken("relay datagrams")(error));
        }
    }

    fn relay(&mut self) -> io::Result<()> {
        let mut waiter = Waiter::new();
        loop {
            self.change_address();
            self.deliver();
            self.sweep();
            let until =
                [self.state.lock().packets.next_due(), self.clients.sweep().map(|every| self.swept + every)];
            let until = until.into_iter().flatten().min();
            let mut fds = [PollFd::new(&self.epoll, PollFlags::IN)];
            if waiter.wait(&mut fds, until, || self.host.now())? && !self.read()? {
                return Ok(());
            }
        }
    }

    /// Changes the clients' addresses when that is due.
    fn change_address(&mut self) {
        let is_due = |change: &&AddressChange| !self.has_changed && change.has_happened(self.host.now());
        let Some(change) = self.change.as_ref().filter(is_due) else { return };
        self.has_changed = true;
        self.clients.change_address(match change.what() {
            NewAddress::Port => None,
            NewAddress::Ip => Some(changed_ip(self.to.ip())),
        });
    }

    /// Reads what is ready; `false` if told to end.
    fn read(&mut self) -> io::Result<bool> {
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
                FRONT => self.read_clients(),
                client => self.read_server(client),
            }
        }
        Ok(true)
    }

    fn read_clients(&mut self) {
        if self.front.receive(&mut self.arrivals).is_err() {
            return;
        }
        self.change_address();
        let now = self.host.now();
        if self.change.as_ref().is_some_and(|change| change.is_out(now)) {
            return;
        }
        let mut arrivals = std::mem::replace(&mut self.arrivals, Arrivals::none());
        for (meta, run) in arrivals.runs() {
            let known = self.clients.active_at(meta.addr, now);
            match known.or_else(|| self.add_client(meta.addr, meta.dst_ip, now)) {
                Some(client) => {
                    let from = self.shown(client, meta.addr);
                    let addressed = Addressed { client, ecn: meta.ecn, from, to: self.to };
                    self.offer(Direction::ToServer, now, addressed, meta, run);
                }
                None => self.state.lock().clients.refused += datagrams(meta, run).count() as u64,
            }
        }
        std::mem::swap(&mut self.arrivals, &mut arrivals);
    }

    fn read_server(&mut self, client: ClientId) {
        let Some(from) = self.clients.get(client) else { return };
        let address = self.shown(client, from.address);
        if let Err(error) = from.back.receive(&mut self.arrivals) {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                self.state.lock().refused += 1;
            }
            return;
        }
        let now = self.host.now();
        self.clients.active(client, now);
        let mut arrivals = std::mem::replace(&mut self.arrivals, Arrivals::none());
        for (meta, run) in arrivals.runs() {
            let addressed = Addressed { client, ecn: meta.ecn, from: self.to, to: address };
            self.offer(Direction::ToClient, now, addressed, meta, run);
        }
        std::mem::swap(&mut self.arrivals, &mut arrivals);
    }

    /// The address of a client as observers see it: its own at first, and the one that the server sees after a change.
    fn shown(&self, client: ClientId, own: SocketAddr) -> SocketAddr {
        let changed = self.clients.get(client).filter(|client| self.has_changed && !client.has_moved);
        changed.map_or(own, |client| client.back.local_addr())
    }

    /// Offers a run of datagrams to the link, one by one.
    fn offer(&mut self, direction: Direction, now: Time, addressed: Addressed, meta: &RecvMeta, run: &[u8]) {
        let header = header_bytes(addressed.to);
        let mut state = self.state.lock();
        for datagram in datagrams(meta, run) {
            state.packets.offer(direction, now, datagram.len() + header, datagram, addressed);
        }
    }

    /// Adds a client, and forgets another if there are too many.
    fn add_client(&mut self, address: SocketAddr, local: Option<IpAddr>, now: Time) -> Option<ClientId> {
        if let Some(quietest) = self.clients.surplus() {
            let fewer = self.forget(quietest);
            self.state.lock().clients.displaced += fewer;
        }
        let known = self.clients.len() as u64;
        let id = self.clients.add(address, local, self.to, now).ok()?;
        let back = &self.clients.get(id)?.back;
        let data = epoll::EventData::new_u64(id);
        if epoll::add(&self.epoll, back, data, epoll::EventFlags::IN).is_err() {
            self.clients.remove(id);
            return None;
        }
        let mut state = self.state.lock();
        // A client that has moved is known already.
        state.clients.known = self.clients.len() as u64;
        state.clients.accepted += state.clients.known - known;
        state.sockets.push(back.local_addr());
        Some(id)
    }

    /// Forgets a client. Returns how many are fewer: none if it has another socket since it moved.
    fn forget(&mut self, id: ClientId) -> u64 {
        let known = self.clients.len();
        // Its socket closes here, which removes it from epoll.
        let Some(client) = self.clients.remove(id) else { return 0 };
        let mut state = self.state.lock();
        state.clients.known = self.clients.len() as u64;
        state.sockets.retain(|socket| *socket != client.back.local_addr());
        (known - self.clients.len()) as u64
    }

    /// Forgets idle clients, at intervals.
    fn sweep(&mut self) {
        let Some(every) = self.clients.sweep() else { return };
        let now = self.host.now();
        if now.since(self.swept) < every {
            return;
        }
        self.swept = now;
        for idle in self.clients.idle(now) {
            let fewer = self.forget(idle);
            self.state.lock().clients.idle += fewer;
        }
    }

    /// Sends all that is due, the datagrams of one receiver together.
    fn deliver(&mut self) {
        let state = self.state.clone();
        let mut state = state.lock();
        for direction in Direction::BOTH {
            let mut to = None;
            while let Some(due) = self.next(&mut state, direction) {
                self.join(&mut state, direction, &mut to, due);
            }
            self.flush(&mut state, direction, to);
        }
    }

    /// The next datagram that is due, unless it is for an address that a client no longer has.
    fn next(&self, state: &mut State, direction: Direction) -> Option<Due<Addressed>> {
        let routable = |addressed: &Addressed, _: &[u8]| {
            let has_moved = direction == Direction::ToClient
                && self.clients.get(addressed.client).is_some_and(|client| client.has_moved);
            if has_moved {
                self.change.iter().for_each(|change| change.count_unroutable(1));
            }
            !has_moved
        };
        state.packets.next(direction, self.host.now(), routable)
    }

    /// Adds a datagram to the run for `to`, or sends that run and begins another.
    fn join(
        &mut self,
        state: &mut State,
        direction: Direction,
        to: &mut Option<ClientId>,
        due: Due<Addressed>,
    ) {
        let Addressed { client, ecn, .. } = due.envelope;
        let most = self.clients.get(client).map_or(1, |client| match direction {
            Direction::ToServer => client.back.most_segments(),
            Direction::ToClient => self.front.most_segments(),
        });
        if *to != Some(client) || !self.run.takes(&due.bytes, ecn, most) {
            self.flush(state, direction, *to);
            *to = Some(client);
        }
        self.run.push(&due.bytes, ecn);
        self.due.push(due.at);
        state.packets.recycle(due.bytes);
    }

    fn flush(&mut self, state: &mut State, direction: Direction, to: Option<ClientId>) {
        let Some(to) = to.filter(|_| !self.run.is_empty()) else { return };
        // A client that was displaced or idle for too long receives nothing.
        if let Some(client) = self.clients.get(to) {
            // Before the call, as on a wire of namespaces: most of it goes into waking the receiver.
            let now = self.host.now();
            let failed = match direction {
                Direction::ToServer => client.back.send(&self.run, self.to, None),
                Direction::ToClient => self.front.send(&self.run, client.address, client.local),
            };
            state.sent[direction] += self.due.len() as u64 - failed;
            state.packets.send_failed(failed);
            self.due.iter().for_each(|due| state.packets.sent(*due, now));
        }
        self.run.clear();
        self.due.clear();
    }
}
