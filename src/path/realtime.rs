//! What the wires in real time share: the packets that are under way, and how late they are.

mod breakage;
mod resolution;
mod sockets;

use std::{fmt, net::SocketAddr};

use quinn::udp::EcnCodepoint;

pub(super) use self::{
    breakage::{Breakage, broken},
    resolution::resolution,
    sockets::OnWire,
};
use super::{
    AddressChange, Fidelity,
    observer::{Exit, Observers, PacketView, Payload},
    packet::{change_ecn, flip_bit, forge},
    successive_links::SuccessiveLinks,
};
use crate::{
    link::{Counters, DropReason, Event, LinkSpec, PacketTraits, QueueVisit},
    unit::{Direction, PerDirection, Time, nanos},
    wire::ip,
};

/// Bytes of packets that may be on the wire at a time, without copies. What exceeds it is dropped and counted as the
/// machine's doing, not the wire's.
const MOST_HELD_BYTES: usize = 256 << 20;

/// What a path keeps of each packet beside its bytes.
pub(super) trait Envelope: Copy + fmt::Debug + Send + 'static {
    /// Bytes in front of what the link carries: a link-layer header, never corrupted.
    fn link_header(&self) -> usize;

    /// The source, the destination and the payload of a packet without its link-layer header.
    fn open<'a>(&self, packet: &'a [u8]) -> (SocketAddr, SocketAddr, Payload<'a>);

    /// The ECN field of such a packet.
    fn ecn(&self, packet: &[u8]) -> u8;

    /// The traits of such a packet.
    fn traits(&self, packet: &[u8]) -> PacketTraits;

    /// Sets the ECN field of such a packet.
    fn set_ecn(&mut self, packet: &mut [u8], ecn: Option<EcnCodepoint>);
}

/// Both directions of a wire in real time, with the packets that are under way.
#[derive(Debug)]
pub(super) struct HeldPackets<E> {
    links: PerDirection<SuccessiveLinks<Held<E>>>,
    observers: Observers,
    fidelity: Fidelity,
    bytes: usize,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct Held<E> {
    number: u64,
    ip_bytes: usize,
    bytes: Vec<u8>,
    envelope: E,
}

impl<E: Envelope> Held<E> {
    fn view(&self, direction: Direction, at: Time, queue: QueueVisit) -> PacketView<'_> {
        let packet = &self.bytes[self.envelope.link_header()..];
        let (from, to, payload) = self.envelope.open(packet);
        let ecn = self.envelope.ecn(packet);
        PacketView {
            direction,
            number: self.number,
            at,
            from,
            to,
            ip_bytes: self.ip_bytes,
            payload,
            ecn,
            queue,
        }
    }
}

/// A packet that is due at the far end.
pub(super) struct Due<E> {
    /// When it was due.
    pub(super) at: Time,
    pub(super) bytes: Vec<u8>,
    pub(super) envelope: E,
    /// Whether it is as it was sent.
    pub(super) intact: bool,
}

impl<E: Envelope> HeldPackets<E> {
    pub(super) fn new(links: &PerDirection<LinkSpec>, seed: u64, observers: Observers) -> Self {
        Self {
            links: PerDirection::from_fn(|way| SuccessiveLinks::new(links[way].clone(), seed, way)),
            observers,
            fidelity: Fidelity { dropped: Some(0), ..Fidelity::default() },
            bytes: 0,
            spare: Vec::new(),
        }
    }

    /// If `change` is a handover, other links replace these at that time.
    pub(super) fn replace_at(&mut self, change: &AddressChange, seed: u64) {
        for way in Direction::BOTH {
            self.links[way].replace_at(change, seed, way);
        }
    }

    /// What the wire has done so far.
    pub(super) fn counters(&self) -> PerDirection<Counters> {
        self.links.as_ref().map(SuccessiveLinks::counters)
    }

    /// How true the wire has been to its model so far.
    pub(super) fn fidelity(&self) -> &Fidelity {
        &self.fidelity
    }

    /// When the next packet is due, or dropped.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.links.iter().filter_map(SuccessiveLinks::poll_timeout).min()
    }

    /// Offers a packet of `ip_bytes` to the link; `frame` is the packet behind its link-layer header.
    pub(super) fn offer(
        &mut self,
        direction: Direction,
        now: Time,
        ip_bytes: usize,
        frame: &[u8],
        envelope: E,
    ) {
        if self.bytes + frame.len() > MOST_HELD_BYTES {
            self.dropped(1);
            return;
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        let link = &mut self.links[direction];
        let number = link.counters().packets;
        let held = Held { number, ip_bytes, bytes, envelope };
        let header = envelope.link_header();
        link.enqueue_known(now, ip_bytes, held, |held| envelope.traits(&held.bytes[header..]));
        self.bytes += frame.len();
        self.observers.entered(|| {
            let (from, to, payload) = envelope.open(&frame[header..]);
            let (ecn, queue) = (envelope.ecn(&frame[header..]), QueueVisit::default());
            PacketView { direction, number, at: now, from, to, ip_bytes, payload, ecn, queue }
        });
    }

    /// The next packet that is due by `now`, shown to the observers. The caller sends it at once. Packets that are not
    /// `routable` are dropped.
    pub(super) fn next(
        &mut self,
        direction: Direction,
        now: Time,
        routable: impl Fn(&E, &[u8]) -> bool,
    ) -> Option<Due<E>> {
        loop {
            let delivered = match self.links[direction].poll(now)? {
                Event::Delivered(delivered) => delivered,
                Event::Dropped(dropped) => {
                    self.bytes -= dropped.packet.bytes.len();
                    let exit = Exit::Dropped(dropped.reason);
                    self.observers.left(exit, || dropped.packet.view(direction, dropped.at, dropped.queue));
                    self.recycle(dropped.packet.bytes);
                    continue;
                }
            };
            let mut held = delivered.packet;
            if !delivered.more {
                self.bytes -= held.bytes.len();
            }
            let header = held.envelope.link_header();
            change_ecn(delivered.ecn, |ecn| held.envelope.set_ecn(&mut held.bytes[header..], ecn));
            if let Some(draw) = delivered.corrupt {
                flip_bit(&mut held.bytes[header..], draw);
            }
            if let Some(draw) = delivered.forged {
                let packet = &mut held.bytes[header..];
                let datagram = match held.envelope.open(packet).2 {
                    Payload::Udp(_) => Some(packet),
                    Payload::Ip(_) => ip::udp_payload_unchecked(packet),
                };
                if let Some(datagram) = datagram {
                    forge(datagram, draw);
                }
            }
            if !routable(&held.envelope, &held.bytes[header..]) {
                if !delivered.more {
                    let exit = Exit::Dropped(DropReason::NoMapping);
                    self.observers.left(exit, || held.view(direction, now, delivered.queue));
                }
                self.recycle(held.bytes);
                continue;
            }
            let intact = delivered.corrupt.is_none() && delivered.forged.is_none();
            let exit = Exit::Arrived { intact, more: delivered.more };
            self.observers.left(exit, || held.view(direction, now, delivered.queue));
            return Some(Due { at: delivered.at, bytes: held.bytes, envelope: held.envelope, intact });
        }
    }

    /// Records that a packet which was due at `due` was sent at `now`.
    pub(super) fn sent(&mut self, due: Time, now: Time) {
        self.fidelity.lateness.record(nanos(now - due));
    }

    /// Counts packets that the machine dropped.
    pub(super) fn dropped(&mut self, packets: u64) {
        self.fidelity.dropped = self.fidelity.dropped.map(|dropped| dropped + packets);
    }

    /// Counts packets that could not be sent.
    pub(super) fn send_failed(&mut self, packets: u64) {
        self.fidelity.send_errors += packets;
    }

    /// Takes back the buffer of a packet that was sent.
    pub(super) fn recycle(&mut self, bytes: Vec<u8>) {
        self.spare.push(bytes);
    }
}
