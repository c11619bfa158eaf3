//! The thread that carries packets between the hosts, through the link.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
    sync::Arc,
    thread,
    time::Instant,
};

use quinn::udp::EcnCodepoint;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

use super::device::Port;
use crate::{
    link::{Counters, FlowId, LinkSpec, PacketTraits},
    path::{
        AddressChange, Fidelity, Observers, Payload, WireBroken,
        realtime::{Breakage, Envelope, HeldPackets, broken},
        sys,
        wait::Waiter,
    },
    unit::{Direction, Mutex, PerDirection, Time},
    wire::ip,
};

/// Packets read in one direction before the other has its turn.
const BATCH: usize = 64;
/// The largest packet, with a link header.
const BUFFER_BYTES: usize = 65_535 + 64;

/// A running forwarder. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Forwarder {
    wire: Arc<Wire>,
    seed: u64,
    stop: OwnedFd,
    thread: Option<thread::JoinHandle<()>>,
}

/// What the forwarder's thread shares with its owner.
#[derive(Debug)]
pub(super) struct Wire {
    origin: Instant,
    /// By the direction of what each host sends.
    ports: PerDirection<Port>,
    state: Mutex<State>,
    breakage: Breakage,
}

#[derive(Debug)]
struct State {
    packets: HeldPackets<Frame>,
    /// Packets that a device dropped because the forwarder did not read them in time.
    missed: u64,
    /// A change of the client's address, and the address before it.
    change: Option<(AddressChange, IpAddr)>,
}

/// What is kept of a packet on the wire.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Bytes in front of the IP header.
    link_header: usize,
}

impl Envelope for Frame {
    fn link_header(&self) -> usize {
        self.link_header
    }

    fn open<'a>(&self, packet: &'a [u8]) -> (SocketAddr, SocketAddr, Payload<'a>) {
        let unknown = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let (from, to) = ip::addresses(packet).unwrap_or((unknown, unknown));
        (from, to, Payload::Ip(packet))
    }

    fn ecn(&self, packet: &[u8]) -> u8 {
        ip::ecn(packet)
    }

    fn traits(&self, packet: &[u8]) -> PacketTraits {
        let flow = ip::addresses(packet).zip(ip::protocol(packet));
        PacketTraits {
            is_udp: ip::udp_payload(packet).is_some(),
            is_ect: ip::ecn(packet) != 0,
            flow: flow.map(|((from, to), protocol)| FlowId { from, to, protocol }),
        }
    }

    fn set_ecn(&mut self, packet: &mut [u8], ecn: Option<EcnCodepoint>) {
        ip::set_ecn(packet, ecn.map_or(0, |ecn| ecn as u8));
    }
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
        observers: Observers,
        origin: Instant,
    ) -> io::Result<Self> {
        let packets = HeldPackets::new(links, seed, observers);
        let state = Mutex::new(State { packets, missed: 0, change: None });
        let wire = Arc::new(Wire { origin, ports, state, breakage: Breakage::default() });
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let (shared, stopped) = (wire.clone(), stop.try_clone()?);
        let run = move || shared.forward(&stopped);
        let thread = thread::Builder::new().name("forwarder".to_owned()).spawn(run)?;
        Ok(Self { wire, seed, stop, thread: Some(thread) })
    }

    /// Applies `change` when it is due: replaces the links in a handover, and drops packets to the client's `old`
    /// address.
    pub(super) fn follow(&self, change: AddressChange, old: IpAddr) {
        let mut state = self.wire.state.lock();
        state.packets.replace_at(&change, self.seed);
        state.change = Some((change, old));
    }

    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.wire.state.lock().packets.counters()
    }

    /// How true it has been to the link so far.
    pub(super) fn fidelity(&self) -> Fidelity {
        let mut state = self.wire.state.lock();
        state.missed += self.wire.ports.iter().map(Port::drops).sum::<u64>();
        let mut fidelity = state.packets.fidelity().clone();
        fidelity.dropped = fidelity.dropped.map(|dropped| dropped + state.missed);
        fidelity
    }

    /// Completes when it ends by itself. One task may wait.
    pub(super) async fn broken(&self) -> WireBroken {
        self.wire.breakage.wait().await
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
    /// Forwards until `stop` is readable or a device fails.
    fn forward(&self, stop: &OwnedFd) {
        if let Err(error) = self.forward_until(stop) {
            self.breakage.set(error);
        }
    }

    fn forward_until(&self, stop: &OwnedFd) -> Result<(), WireBroken> {
        // Without permission, a busy machine makes it late, and the lateness is reported.
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

    /// Reads what is there and delivers what is due. Returns whether there may be more to read, and when the next
    /// packet is due.
    fn pass(&self, buffer: &mut [u8]) -> Result<(bool, Option<Time>), WireBroken> {
        let mut state = self.state.lock();
        let mut more = false;
        for direction in Direction::BOTH {
            more |= self.take(&mut state, direction, buffer).map_err(broken(READ[direction]))?;
            self.deliver(&mut state, direction);
        }
        Ok((more, state.packets.next_due()))
    }

    /// Offers what a host has sent to the link. Returns whether there may be more.
    fn take(&self, state: &mut State, direction: Direction, buffer: &mut [u8]) -> io::Result<bool> {
        let port = &self.ports[direction];
        for _ in 0..BATCH {
            let Some(length) = port.read(buffer)? else { return Ok(false) };
            let link_header = port.link_header();
            let frame = &buffer[..length];
            // The kernel takes the client's address away a little later than `at`.
            let is_out = direction == Direction::ToServer
                && state.change.as_ref().is_some_and(|(change, _)| change.is_out(self.now()));
            if !is_out && frame.get(link_header..).is_some_and(ip::is_ipv4) {
                let ip_bytes = length - link_header;
                state.packets.offer(direction, self.now(), ip_bytes, frame, Frame { link_header });
            }
        }
        Ok(true)
    }

    /// Hands what is due in `direction` to the receiving host.
    fn deliver(&self, state: &mut State, direction: Direction) {
        let port = &self.ports[direction.reverse()];
        loop {
            let now = self.now();
            let change = state
                .change
                .as_ref()
                .filter(|(change, _)| direction == Direction::ToClient && change.has_happened(now));
            let routable = |_: &Frame, packet: &[u8]| match change {
                Some((change, old)) if ip::addresses(packet).is_some_and(|(_, to)| to.ip() == *old) => {
                    change.count_unroutable(1);
                    false
                }
                _ => true,
            };
            let Some(due) = state.packets.next(direction, now, routable) else { return };
            state.packets.sent(due.at, now);
            // A device may refuse a packet whose header the link corrupted.
            if port.write(&due.bytes).is_err() && due.intact {
                state.packets.send_failed(1);
            }
            state.packets.recycle(due.bytes);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the forwarder lives in real time")]
    fn now(&self) -> Time {
        Time::ZERO + (Instant::now() - self.origin)
    }
}
