//! The thread that carries packets from one host to the other, as a link says.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

use super::{device::Port, packet};
use crate::{
    link::{Counters, Direction, Link, LinkSpec},
    path::{
        sim::flip_bit,
        tap::tcp::{Carriage, Connections},
        wait::Waiter,
    },
    stats::Histogram,
    time::{Time, nanos},
};

/// How many packets of one direction are taken before it is the other's turn.
const BATCH: usize = 64;
/// The largest packet there is, and a link header.
const BUFFER_BYTES: usize = 65_535 + 64;

/// A running forwarder. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Forwarder {
    wire: Arc<Wire>,
    stop: OwnedFd,
    thread: Option<thread::JoinHandle<()>>,
}

/// What the forwarder and those who look on share.
#[derive(Debug)]
pub(super) struct Wire {
    origin: Instant,
    ports: [Port; 2],
    connections: Connections,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    links: [Link<Packet>; 2],
    /// How long after its instant each packet was delivered.
    lateness: Histogram,
    /// Packets that a device did not take, or had no room for.
    own_drops: u64,
    spare: Vec<Vec<u8>>,
}

/// A packet under way, with its link header.
#[derive(Debug, Clone)]
struct Packet {
    bytes: Vec<u8>,
    carriage: Option<Carriage>,
}

const DIRECTIONS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

impl Forwarder {
    /// Carries packets between the ports of the client and of the server, by a clock that begins at `origin`.
    pub(super) fn start(
        ports: [Port; 2],
        links: &[LinkSpec; 2],
        seed: u64,
        origin: Instant,
    ) -> io::Result<Self> {
        let [to_server, to_client] = links.clone();
        let state = State {
            links: [
                Link::new(to_server, seed, Direction::ToServer),
                Link::new(to_client, seed, Direction::ToClient),
            ],
            lateness: Histogram::new(),
            own_drops: 0,
            spare: Vec::new(),
        };
        let connections = Connections::default();
        let wire = Arc::new(Wire { origin, ports, connections, state: Mutex::new(state) });
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let (shared, stopped) = (wire.clone(), stop.try_clone()?);
        let run = move || shared.forward(&stopped);
        let thread = thread::Builder::new().name("forwarder".to_owned()).spawn(run)?;
        Ok(Self { wire, stop, thread: Some(thread) })
    }

    pub(super) fn counters(&self) -> [Counters; 2] {
        let state = self.wire.lock();
        [state.links[0].counters(), state.links[1].counters()]
    }

    pub(super) fn lateness(&self) -> Histogram {
        self.wire.lock().lateness.clone()
    }

    /// Packets that were lost between device and forwarder, either way.
    pub(super) fn own_drops(&self) -> u64 {
        let mut state = self.wire.lock();
        state.own_drops += self.wire.ports.iter().map(Port::drops).sum::<u64>();
        state.own_drops
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.wire.connections
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        // Neither can fail: the counter is 0, and the thread does not panic.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Wire {
    /// Forwards until `stop` is readable, or a device is gone.
    fn forward(&self, stop: &OwnedFd) {
        let mut waiter = Waiter::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let Ok((more, next)) = self.pass(&mut buffer) else { return };
            let until = if more { Some(Time::ZERO) } else { next };
            let mut fds =
                [PollFd::new(stop, PollFlags::IN), self.poll_fd(0), self.poll_fd(1)];
            if waiter.wait(&mut fds, until, || self.now()).is_err() || !fds[0].revents().is_empty() {
                return;
            }
        }
    }

    fn poll_fd(&self, port: usize) -> PollFd<'_> {
        PollFd::new(&self.ports[port], PollFlags::IN)
    }

    /// Takes what has come and delivers what is due. Tells whether there may be more, and when the next is due.
    fn pass(&self, buffer: &mut [u8]) -> io::Result<(bool, Option<Time>)> {
        let mut state = self.lock();
        let mut more = false;
        for side in [0, 1] {
            more |= self.take(&mut state, side, buffer)?;
            self.deliver(&mut state, side);
        }
        Ok((more, state.links.iter().filter_map(Link::poll_timeout).min()))
    }

    /// Offers what the host at `side` has sent to the link.
    fn take(&self, state: &mut State, side: usize, buffer: &mut [u8]) -> io::Result<bool> {
        let port = &self.ports[side];
        for _ in 0..BATCH {
            let Some(length) = port.read(buffer)? else { return Ok(false) };
            let Some(ip) = buffer[..length].get(port.link_header()..).filter(|ip| packet::is_ipv4(ip)) else {
                continue;
            };
            let now = self.now();
            self.offer(state, side, now, &buffer[..length], ip);
        }
        Ok(true)
    }

    fn offer(&self, state: &mut State, side: usize, now: Time, frame: &[u8], ip: &[u8]) {
        let mut bytes = state.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        let direction = DIRECTIONS[side];
        let segment = packet::tcp_segment(ip, direction);
        let carriage = segment.and_then(|segment| self.connections.enter(direction, segment, now));
        let verdict = state.links[side].enqueue(now, ip.len(), Packet { bytes, carriage });
        if let Some(carriage) = carriage.filter(|_| !verdict.arrives_intact()) {
            self.connections.drop(direction, &carriage);
        }
    }

    /// Hands what is due from the host at `side` to the other one.
    fn deliver(&self, state: &mut State, side: usize) {
        let port = &self.ports[1 - side];
        let mut now = self.now();
        while let Some(delivered) = state.links[side].poll_delivery(now) {
            now = self.now();
            state.lateness.record(nanos(now - delivered.at));
            let Packet { mut bytes, carriage } = delivered.packet;
            match (delivered.corrupt, &carriage) {
                (Some(draw), _) => flip_bit(&mut bytes[port.link_header()..], draw),
                // Before the host has it: its application might ask at once.
                (None, Some(carriage)) => self.connections.arrive(DIRECTIONS[side], carriage, now),
                (None, None) => {}
            }
            if port.write(&bytes).is_err() {
                state.own_drops += 1;
            }
            state.spare.push(bytes);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the forwarder lives in real time")]
    fn now(&self) -> Time {
        Time::ZERO + (Instant::now() - self.origin)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
