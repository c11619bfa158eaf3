//! The wire and the sockets at its ends.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::Waker,
};

use quinn::udp::EcnCodepoint;

use super::Side;
use crate::{
    link::{Counters, Link, LinkSpec, Verdict},
    path::{
        Transit,
        packet::{flip_bit, header_bytes},
        tap::{Carried, Tap},
    },
    unit::{Direction, PerDirection, Time},
};

/// A UDP datagram under way.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) payload: Vec<u8>,
    /// When it entered the wire and, once it is in a socket, when it got there.
    pub(super) transit: Transit,
}

/// A packet that was offered to the wire, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct PacketEvent<'a> {
    /// The end that sent it.
    pub from: Side,
    /// When it was offered.
    pub entered: Time,
    /// Its size with IP and UDP header.
    pub ip_bytes: usize,
    /// Its fate, the instant of its arrival included.
    pub verdict: Verdict,
    /// The bytes and messages of an experiment in it.
    pub carried: &'a [Carried],
}

/// Takes in what happens to each packet, as it is sent.
pub type PacketSink = Box<dyn FnMut(&PacketEvent<'_>) + Send>;

pub(super) struct Network {
    wire: Mutex<Wire>,
    taps: PerDirection<Tap>,
    log: OnceLock<Mutex<PacketSink>>,
}

#[derive(Debug)]
struct Wire {
    links: PerDirection<Link<Packet>>,
    ports: BTreeMap<SocketAddr, Arc<Port>>,
    /// Buffers of packets that have been received, to be used again.
    spare: Vec<Vec<u8>>,
}

/// Where packets for one address wait to be received.
#[derive(Debug, Default)]
pub(super) struct Port(Mutex<Inbox>);

#[derive(Debug, Default)]
struct Inbox {
    packets: VecDeque<Packet>,
    reader: Option<Waker>,
}

/// The first port that is given to a socket which asks for none.
const FIRST_EPHEMERAL_PORT: u16 = 40_000;

impl Network {
    pub(super) fn new(links: &PerDirection<LinkSpec>, seed: u64) -> Arc<Self> {
        let wire = Wire {
            links: PerDirection::from_fn(|way| Link::new(links[way].clone(), seed, way)),
            ports: BTreeMap::new(),
            spare: Vec::new(),
        };
        Arc::new(Self { wire: Mutex::new(wire), taps: Tap::pair(), log: OnceLock::new() })
    }

    /// What one end knows of the bytes on the wire.
    pub(super) fn tap(&self, side: Side) -> &Tap {
        &self.taps[side.outgoing()]
    }

    /// Shows all packets to `sink` from now on. The first sink stays.
    pub(super) fn log_to(&self, sink: PacketSink) {
        self.log.get_or_init(|| Mutex::new(sink));
    }

    /// Logs a packet, where there is a log.
    pub(super) fn note(
        &self,
        (from, entered): (Side, Time),
        ip_bytes: usize,
        verdict: Verdict,
        carried: &[Carried],
    ) {
        if let Some(log) = self.log.get() {
            let mut sink = log.lock().unwrap_or_else(PoisonError::into_inner);
            sink(&PacketEvent { from, entered, ip_bytes, verdict, carried });
        }
    }

    pub(super) fn is_logged(&self) -> bool {
        self.log.get().is_some()
    }

    /// Opens `local`, or a free port where it names none. `None` if it is taken.
    pub(super) fn open(&self, mut local: SocketAddr) -> Option<(SocketAddr, Arc<Port>)> {
        let mut wire = self.lock();
        if local.port() == 0 {
            let free = (FIRST_EPHEMERAL_PORT..=u16::MAX)
                .find(|&port| !wire.ports.contains_key(&SocketAddr::new(local.ip(), port)))?;
            local.set_port(free);
        }
        if wire.ports.contains_key(&local) {
            return None;
        }
        let port = Arc::<Port>::default();
        wire.ports.insert(local, port.clone());
        Some((local, port))
    }

    pub(super) fn close(&self, local: SocketAddr) {
        self.lock().ports.remove(&local);
    }

    /// Offers a datagram to the wire at `now`.
    pub(super) fn send(
        &self,
        now: Time,
        side: Side,
        (from, to): (SocketAddr, SocketAddr),
        ecn: Option<EcnCodepoint>,
        payload: &[u8],
    ) -> Verdict {
        let mut wire = self.lock();
        let mut buffer = wire.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        let transit = Transit { entered: now, arrived: Time::MAX };
        let packet = Packet { from, to, ecn, payload: buffer, transit };
        let ip_bytes = payload.len() + header_bytes(to);
        wire.links[side.outgoing()].enqueue(now, ip_bytes, packet)
    }

    /// When the next packet arrives somewhere.
    pub(super) fn next_delivery(&self) -> Option<Time> {
        let wire = self.lock();
        wire.links.iter().filter_map(Link::poll_timeout).min()
    }

    /// Hands all packets that are due at `now` to their sockets. One that nobody listens for is gone.
    pub(super) fn deliver(&self, now: Time) {
        let mut wire = self.lock();
        for direction in Direction::BOTH {
            while let Some(delivered) = wire.links[direction].poll_delivery(now) {
                let mut packet = delivered.packet;
                packet.transit.arrived = delivered.at;
                if let Some(draw) = delivered.corrupt {
                    flip_bit(&mut packet.payload, draw);
                }
                match wire.ports.get(&packet.to) {
                    Some(port) => port.clone().push(packet),
                    None => wire.spare.push(packet.payload),
                }
            }
        }
    }

    /// Takes back a buffer whose packet has been received.
    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        self.lock().spare.push(buffer);
    }

    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.lock().links.as_ref().map(Link::counters)
    }

    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Port {
    fn push(&self, packet: Packet) {
        let mut inbox = self.lock();
        inbox.packets.push_back(packet);
        let reader = inbox.reader.take();
        drop(inbox);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(super) fn pop(&self) -> Option<Packet> {
        self.lock().packets.pop_front()
    }

    pub(super) fn register(&self, reader: &Waker) {
        self.lock().reader = Some(reader.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
