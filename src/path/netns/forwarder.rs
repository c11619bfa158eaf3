//! The thread that carries packets from one host to the other, as a link says.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use tokio::sync::Notify;

use super::{NetnsError, device::Port, packet};
use crate::{
    link::{Counters, Link, LinkSpec, Verdict},
    path::{
        Fidelity,
        packet::flip_bit,
        sim::Side,
        sys,
        tap::{
            Stamp, Tap,
            tcp::{Carriage, Connections},
        },
        wait::Waiter,
    },
    stats::Histogram,
    unit::{Direction, PerDirection, Time, nanos},
    wire::Probe,
};

/// How many packets of one direction are taken before it is the other's turn.
const BATCH: usize = 64;
/// Bytes that may be on the wire at a time. What comes beyond is refused, and not for the wire's account.
const MOST_HELD_BYTES: usize = 256 << 20;
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
    /// By the direction of what each host sends.
    ports: PerDirection<Port>,
    taps: PerDirection<Tap>,
    connections: Connections,
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug)]
struct State {
    links: PerDirection<Link<Packet>>,
    /// How long after its instant each packet was delivered.
    lateness: Histogram,
    /// Packets that the forwarder did not take from a device in time.
    missed: u64,
    /// Packets that a device did not take from the forwarder.
    refused: u64,
    delivered: u64,
    /// Bytes on the wire.
    held: usize,
    spare: Vec<Vec<u8>>,
    /// What the forwarder has ended of, before it was asked to.
    failure: Option<NetnsError>,
}

/// A packet under way, with its link header.
#[derive(Debug, Clone)]
struct Packet {
    bytes: Vec<u8>,
    entered: Time,
    carriage: Option<Carriage>,
}

/// What fails where a host's packets cannot be read, by the direction in which it sends.
const READ: PerDirection<&str> =
    PerDirection { to_server: "read from the client's device", to_client: "read from the server's device" };

impl Forwarder {
    /// Carries packets between the ports of the client and of the server, by a clock that begins at `origin`.
    pub(super) fn start(
        ports: PerDirection<Port>,
        links: &PerDirection<LinkSpec>,
        seed: u64,
        origin: Instant,
    ) -> io::Result<Self> {
        let state = State {
            links: PerDirection::from_fn(|way| Link::new(links[way].clone(), seed, way)),
            lateness: Histogram::new(),
            missed: 0,
            refused: 0,
            delivered: 0,
            held: 0,
            spare: Vec::new(),
            failure: None,
        };
        let connections = Connections::default();
        let (taps, state, ended) = (Tap::pair(), Mutex::new(state), Notify::new());
        let wire = Arc::new(Wire { origin, ports, taps, connections, state, ended });
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let (shared, stopped) = (wire.clone(), stop.try_clone()?);
        let run = move || shared.forward(&stopped);
        let thread = thread::Builder::new().name("forwarder".to_owned()).spawn(run)?;
        Ok(Self { wire, stop, thread: Some(thread) })
    }

    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.wire.lock().links.as_ref().map(Link::counters)
    }

    /// How true it has been to the link so far.
    pub(super) fn fidelity(&self) -> Fidelity {
        let mut state = self.wire.lock();
        state.missed += self.wire.ports.iter().map(Port::drops).sum::<u64>();
        let (lateness, send_errors) = (state.lateness.clone(), state.refused);
        Fidelity { lateness, dropped: Some(state.missed), send_errors }
    }

    /// Completes when it has ended before it was asked to.
    pub(super) async fn broken(&self) -> NetnsError {
        loop {
            self.wire.ended.notified().await;
            if let Some(failure) = self.wire.lock().failure.take() {
                return failure;
            }
        }
    }

    /// What it sees of TCP connections.
    pub(super) fn connections(&self) -> &Connections {
        &self.wire.connections
    }

    /// What the end at `side` sees of its datagrams.
    pub(super) fn tap(&self, side: Side) -> &Tap {
        &self.wire.taps[side.outgoing()]
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
    /// Forwards until `stop` is readable, or a device is gone, which those hear who wait for it.
    fn forward(&self, stop: &OwnedFd) {
        if let Err(error) = self.forward_until(stop) {
            self.lock().failure = Some(error);
            self.ended.notify_one();
        }
    }

    fn forward_until(&self, stop: &OwnedFd) -> Result<(), NetnsError> {
        // Where that is not allowed, a busy machine makes it late, and that is counted.
        let _ = sys::run_ahead();
        let mut waiter = Waiter::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let (more, next) = self.pass(&mut buffer)?;
            let until = if more { Some(Time::ZERO) } else { next };
            let [client, server] = Direction::BOTH.map(|from| PollFd::new(&self.ports[from], PollFlags::IN));
            let mut fds = [PollFd::new(stop, PollFlags::IN), client, server];
            waiter.wait(&mut fds, until, || self.now()).map_err(broken("wait for packets"))?;
            if !fds[0].revents().is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes what has come and delivers what is due. Tells whether there may be more, and when the next is due.
    fn pass(&self, buffer: &mut [u8]) -> Result<(bool, Option<Time>), NetnsError> {
        let mut state = self.lock();
        let mut more = false;
        for direction in Direction::BOTH {
            more |= self.take(&mut state, direction, buffer).map_err(broken(READ[direction]))?;
            self.deliver(&mut state, direction);
        }
        Ok((more, state.links.iter().filter_map(Link::poll_timeout).min()))
    }

    /// Offers what a host has sent to the link.
    fn take(&self, state: &mut State, direction: Direction, buffer: &mut [u8]) -> io::Result<bool> {
        let port = &self.ports[direction];
        for _ in 0..BATCH {
            let Some(length) = port.read(buffer)? else { return Ok(false) };
            let Some(ip) = buffer[..length].get(port.link_header()..).filter(|ip| packet::is_ipv4(ip)) else {
                continue;
            };
            let now = self.now();
            self.offer(state, direction, now, &buffer[..length], ip);
        }
        Ok(true)
    }

    fn offer(&self, state: &mut State, direction: Direction, now: Time, frame: &[u8], ip: &[u8]) {
        if state.held + 2 * frame.len() > MOST_HELD_BYTES {
            state.missed += 1;
            return;
        }
        let mut bytes = state.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        let segment = packet::tcp_segment(ip, direction);
        let carriage = segment.and_then(|segment| self.connections.enter(direction, segment, now));
        let verdict = state.links[direction].enqueue(now, ip.len(), Packet { bytes, entered: now, carriage });
        if let Verdict::Deliver { duplicate_at, .. } = verdict {
            state.held += frame.len() * (1 + usize::from(duplicate_at.is_some()));
        }
        if let Some(carriage) = carriage.filter(|_| !verdict.arrives_intact()) {
            self.connections.drop(direction, &carriage);
        }
        if let Some(datagram) = packet::udp_payload(ip) {
            self.taps[direction].entered(datagram, now, &verdict);
        }
    }

    /// Hands what is due in `direction` to its receiver.
    fn deliver(&self, state: &mut State, direction: Direction) {
        let port = &self.ports[direction.reverse()];
        let mut now = self.now();
        while let Some(delivered) = state.links[direction].poll_delivery(now) {
            now = self.now();
            state.lateness.record(nanos(now - delivered.at));
            state.delivered += 1;
            let mut packet = delivered.packet;
            state.held -= packet.bytes.len();
            let header = port.link_header();
            match delivered.corrupt {
                // No checksum lets it through.
                Some(draw) => flip_bit(&mut packet.bytes[header..], draw),
                // Before the host has it: its application might ask at once.
                None => self.tell(direction, (now, state.delivered), &packet, &packet.bytes[header..]),
            }
            // A device may refuse a header with a changed bit: so be it.
            if port.write(&packet.bytes).is_err() && delivered.corrupt.is_none() {
                state.refused += 1;
            }
            state.spare.push(packet.bytes);
        }
    }

    /// Tells the taps that a packet is about to reach its receiver.
    fn tell(&self, direction: Direction, (now, number): (Time, u64), packet: &Packet, ip: &[u8]) {
        if let Some(carriage) = &packet.carriage {
            self.connections.arrive(direction, carriage, now);
        }
        if let Some(probe) = packet::udp_payload(ip).and_then(|datagram| Probe::parse(datagram).ok()) {
            self.taps[direction].brings(probe.id, Stamp { packet: number, at: packet.entered });
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

fn broken(operation: &'static str) -> impl FnOnce(io::Error) -> NetnsError {
    move |source| NetnsError::Broken { operation, source }
}
