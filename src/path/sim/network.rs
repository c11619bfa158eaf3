//! The wire and the sockets at its ends.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
    task::Waker,
    time::Duration,
};

use quinn::udp::EcnCodepoint;

use super::in_flight::{InFlight, Period};
use crate::{
    link::{Counters, Delivered, DropReason, Dropped, Event, LinkSpec, QueueVisit},
    path::{
        AddressChange, Observers, PacketView, Payload, Side, Transit,
        address_change::Nat,
        observer::Exit,
        packet::{change_ecn, datagram_traits, flip_bit, forge, header_bytes},
        successive_links::SuccessiveLinks,
    },
    unit::{Direction, OneThread, PerDirection, Time},
};

/// A UDP datagram in flight. It stays in one box through link, inbox and socket, and the wire reuses that box.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) payload: Vec<u8>,
    /// Its place among the packets of its direction.
    number: u64,
    /// When it entered the wire and, once it is in a socket, when it arrived there.
    pub(super) transit: Transit,
    entered_in: Period,
}

impl Packet {
    /// The packet as it leaves the link.
    fn view(&self, direction: Direction, queue: QueueVisit) -> PacketView<'_> {
        PacketView {
            direction,
            number: self.number,
            at: self.transit.arrived,
            from: self.from,
            to: self.to,
            ip_bytes: self.payload.len() + header_bytes(self.to),
            payload: Payload::Udp(&self.payload),
            ecn: self.ecn.map_or(0, |ecn| ecn as u8),
            queue,
        }
    }
}

pub(super) struct Network {
    uses_ecn: bool,
    wire: OneThread<Wire>,
}

#[derive(Debug)]
struct Wire {
    links: PerDirection<SuccessiveLinks<Box<Packet>>>,
    seed: u64,
    ports: BTreeMap<SocketAddr, Arc<Port>>,
    /// The port that an address gives next to a socket bound to port 0.
    next_ports: BTreeMap<IpAddr, u16>,
    /// The members of multicast groups.
    groups: BTreeMap<SocketAddr, Vec<Arc<Port>>>,
    /// Packets that have been received, to be reused.
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    spare: Vec<Box<Packet>>,
    in_flight: InFlight,
    observers: Observers,
    /// The client's NAT, if its address changes.
    nat: Option<Nat>,
}

impl Wire {
    fn deliver(&mut self, direction: Direction, delivered: Delivered<Box<Packet>>) {
        let mut packet = delivered.packet;
        if !delivered.more {
            self.in_flight.leave(packet.entered_in);
        }
        packet.transit.arrived = delivered.at;
        packet.transit.queued = delivered.queue.delay;
        change_ecn(delivered.ecn, |ecn| packet.ecn = ecn);
        if let Some(draw) = delivered.corrupt {
            flip_bit(&mut packet.payload, draw);
        }
        if let Some(draw) = delivered.forged {
            forge(&mut packet.payload, draw);
        }
        let intact = delivered.corrupt.is_none() && delivered.forged.is_none();
        let to = self.translated(direction, packet.transit.arrived, packet.to);
        let exit = match to {
            Some(_) => Exit::Arrived { intact, more: delivered.more },
            // The packet is dropped only with its last copy.
            None if delivered.more => return self.spare.push(packet),
            None => Exit::Dropped(DropReason::NoMapping),
        };
        self.observers.left(exit, || packet.view(direction, delivered.queue));
        let Some(to) = to else { return self.spare.push(packet) };
        packet.to = to;
        match self.ports.get(&packet.to) {
            Some(port) => port.push(packet),
            None => {
                let members = self.groups.get(&packet.to).into_iter().flatten();
                members.for_each(|member| member.push(packet.clone()));
                self.spare.push(packet);
            }
        }
    }

    /// The address to which the client's NAT forwards a packet to `to`. `None` if the NAT drops it.
    fn translated(&mut self, direction: Direction, now: Time, to: SocketAddr) -> Option<SocketAddr> {
        match (&mut self.nat, direction) {
            (Some(nat), Direction::ToClient) => nat.incoming(now, to),
            _ => Some(to),
        }
    }

    /// A free port of `ip`. It is used again as late as possible, because a peer may still hold state for its last user.
    fn free_port(&mut self, ip: IpAddr) -> Option<u16> {
        let next = self.next_ports.get(&ip).copied().unwrap_or(*EPHEMERAL_PORTS.start());
        let mut ports = (next..=*EPHEMERAL_PORTS.end()).chain(*EPHEMERAL_PORTS.start()..next);
        let free = ports.find(|&port| !self.ports.contains_key(&SocketAddr::new(ip, port)))?;
        self.next_ports.insert(ip, free.checked_add(1).unwrap_or(*EPHEMERAL_PORTS.start()));
        Some(free)
    }

    fn discard(&mut self, direction: Direction, dropped: Dropped<Box<Packet>>) {
        let mut packet = dropped.packet;
        self.in_flight.leave(packet.entered_in);
        packet.transit.arrived = dropped.at;
        self.observers.left(Exit::Dropped(dropped.reason), || packet.view(direction, dropped.queue));
        self.spare.push(packet);
    }
}

/// Where packets for one address wait to be received.
#[derive(Debug, Default)]
pub(super) struct Port(OneThread<Inbox>);

#[derive(Debug, Default)]
struct Inbox {
    packets: VecDeque<Box<Packet>>,
    /// The task that waited last.
    reader: Option<Waker>,
    /// Whether it still waits.
    is_awaited: bool,
}

/// Ports given to sockets bound to port 0.
const EPHEMERAL_PORTS: RangeInclusive<u16> = 40_000..=u16::MAX;

impl Network {
    pub(super) fn new(links: &PerDirection<LinkSpec>, seed: u64) -> Arc<Self> {
        let wire = Wire {
            links: PerDirection::from_fn(|way| SuccessiveLinks::new(links[way].clone(), seed, way)),
            seed,
            ports: BTreeMap::new(),
            next_ports: BTreeMap::new(),
            groups: BTreeMap::new(),
            spare: Vec::new(),
            in_flight: InFlight::default(),
            observers: Observers::default(),
            nat: None,
        };
        Arc::new(Self { uses_ecn: links.iter().any(LinkSpec::uses_ecn), wire: OneThread::new(wire) })
    }

    /// Whether a link marks packets or changes their ECN field.
    pub(super) fn uses_ecn(&self) -> bool {
        self.uses_ecn
    }

    /// Shows all packets to `observers` from now on.
    pub(super) fn observe(&self, observers: Observers) {
        self.wire.borrow().observers = observers;
    }

    /// Gives the client a NAT that makes `change`.
    pub(super) fn change_address(&self, change: AddressChange) {
        let wire = &mut *self.wire.borrow();
        for way in Direction::BOTH {
            wire.links[way].replace_at(&change, wire.seed, way);
        }
        wire.nat = Some(Nat::new(change));
    }

    /// Opens `local`, or a free port if its port is 0. `None` if it is taken. Any number of sockets may be members of a
    /// multicast group.
    pub(super) fn open(&self, mut local: SocketAddr) -> Option<(SocketAddr, Arc<Port>)> {
        let mut wire = self.wire.borrow();
        if local.ip().is_multicast() {
            let member = Arc::<Port>::default();
            wire.groups.entry(local).or_default().push(member.clone());
            return Some((local, member));
        }
        if local.port() == 0 {
            local.set_port(wire.free_port(local.ip())?);
        }
        if wire.ports.contains_key(&local) {
            return None;
        }
        let port = Arc::<Port>::default();
        wire.ports.insert(local, port.clone());
        Some((local, port))
    }

    pub(super) fn close(&self, local: SocketAddr, port: &Arc<Port>) {
        // On another thread, the world has ended.
        let Some(mut wire) = self.wire.get() else { return };
        match wire.groups.get_mut(&local) {
            Some(members) => members.retain(|member| !Arc::ptr_eq(member, port)),
            None => drop(wire.ports.remove(&local)),
        }
    }

    /// Offers a datagram to the wire at `now`; `false` if it is above the MTU.
    pub(super) fn send(
        &self,
        now: Time,
        side: Side,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Option<EcnCodepoint>,
        payload: &[u8],
    ) -> bool {
        let wire = &mut *self.wire.borrow();
        let direction = side.outgoing();
        let from = match (&mut wire.nat, side) {
            (Some(nat), Side::Client) => nat.outgoing(now, from),
            _ => Some(from),
        };
        // A client without a network loses it.
        let Some(from) = from else { return true };
        let link = &mut wire.links[direction];
        let number = link.counters().packets;
        let transit = Transit { entered: now, arrived: Time::MAX, queued: Duration::ZERO };
        let entered_in = wire.in_flight.enter();
        let packet = match wire.spare.pop() {
            Some(mut packet) => {
                let mut buffer = std::mem::take(&mut packet.payload);
                buffer.clear();
                buffer.extend_from_slice(payload);
                *packet = Packet { from, to, ecn, payload: buffer, number, transit, entered_in };
                packet
            }
            None => {
                let payload = payload.to_vec();
                Box::new(Packet { from, to, ecn, payload, number, transit, entered_in })
            }
        };
        let ip_bytes = payload.len() + header_bytes(to);
        link.enqueue_known(now, ip_bytes, packet, |packet| {
            datagram_traits(packet.from, packet.to, packet.ecn)
        });
        wire.observers.entered(|| {
            let (payload, queue) = (Payload::Udp(payload), QueueVisit::default());
            let ecn = ecn.map_or(0, |ecn| ecn as u8);
            PacketView { direction, number, at: now, from, to, ip_bytes, payload, ecn, queue }
        });
        link.carries(now, ip_bytes)
    }

    /// See [`Host::settled_before`](crate::path::Host::settled_before).
    pub(super) fn settled_before(&self, now: Time) -> Time {
        self.wire.borrow().in_flight.settled_before(now)
    }

    /// When the next packet arrives or is dropped.
    pub(super) fn next_event(&self) -> Option<Time> {
        let wire = self.wire.borrow();
        wire.links.iter().filter_map(SuccessiveLinks::poll_timeout).min()
    }

    /// Hands all packets that are due at `now` to their sockets. Without a socket, a packet is discarded.
    pub(super) fn deliver(&self, now: Time) {
        let wire = &mut *self.wire.borrow();
        for direction in Direction::BOTH {
            while let Some(event) = wire.links[direction].poll(now) {
                match event {
                    Event::Delivered(delivered) => wire.deliver(direction, delivered),
                    Event::Dropped(dropped) => wire.discard(direction, dropped),
                }
            }
        }
    }

    /// Takes back a packet that was received.
    pub(super) fn recycle(&self, packet: Box<Packet>) {
        self.wire.borrow().spare.push(packet);
    }

    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.wire.borrow().links.as_ref().map(SuccessiveLinks::counters)
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Port {
    fn push(&self, packet: Box<Packet>) {
        let mut inbox = self.0.borrow();
        inbox.packets.push_back(packet);
        if std::mem::take(&mut inbox.is_awaited)
            && let Some(reader) = &inbox.reader
        {
            reader.wake_by_ref();
        }
    }

    /// Takes the packet that has waited longest. If there is none, the next one wakes `reader`.
    pub(super) fn pop(&self, reader: Option<&Waker>) -> Option<Box<Packet>> {
        let inbox = &mut *self.0.borrow();
        let packet = inbox.packets.pop_front();
        if let Some(reader) = reader.filter(|_| packet.is_none()) {
            inbox.is_awaited = true;
            match &mut inbox.reader {
                Some(known) => known.clone_from(reader),
                none => *none = Some(reader.clone()),
            }
        }
        packet
    }
}
