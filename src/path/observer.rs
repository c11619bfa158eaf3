//! Observers: what is shown of every packet on a path.

use std::net::SocketAddr;

use crate::{
    link::{DropReason, QueueVisit},
    unit::{Direction, Time},
    wire::ip,
};

/// Sees every packet at both ends of the link, on any path. It is called by the thread that carries the packets, so
/// it must be quick.
///
/// A packet enters once and leaves once, or twice if the link duplicates it; [`PacketView::number`] tells which. On a
/// path without a link, a datagram enters as its sender hands it to the socket and leaves as its receiver reads it, and
/// a segment of the kernel's TCP enters as the interface sends it and leaves as the interface receives it.
pub trait Observer: Send {
    /// A packet was offered to the link.
    fn entered(&mut self, packet: &PacketView<'_>);

    /// A packet left the link: the receiver is about to have it, or it was dropped.
    fn left(&mut self, packet: &PacketView<'_>, exit: Exit);

    /// This many packets cannot be shown, because the path was faster than its observers.
    fn missed(&mut self, _packets: u64) {}

    /// Whether it depends on the encrypted bytes of packets, for more than to recognise a packet. If no observer does,
    /// a simulation may leave packets unencrypted.
    fn reads_ciphertext(&self) -> bool {
        true
    }
}

/// A packet at one end of the link.
#[derive(Debug, Clone, Copy)]
pub struct PacketView<'a> {
    /// Where it goes.
    pub direction: Direction,
    /// Counts the packets of this direction, from 0, in the order in which they entered. Both copies of a duplicate
    /// have the same number. Without a link, each end counts for itself.
    pub number: u64,
    /// When this happened.
    pub at: Time,
    /// The source.
    pub from: SocketAddr,
    /// The destination.
    pub to: SocketAddr,
    /// Its size with IP and UDP header.
    pub ip_bytes: usize,
    /// Its bytes.
    pub payload: Payload<'a>,
    /// The ECN field of its IP header (RFC 3168): 0 is not ECN-capable, 3 is marked with Congestion Experienced.
    pub ecn: u8,
    /// What the queue of the link did to it, once it has left.
    pub queue: QueueVisit,
}

/// The bytes of a packet, as far as the path has them.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// What a UDP datagram carries.
    Udp(&'a [u8]),
    /// A whole IP packet.
    Ip(&'a [u8]),
}

/// How a packet left the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It arrived.
    Arrived {
        /// As it was sent; otherwise the link changed a bit.
        intact: bool,
        /// Another copy of it is still on the link.
        more: bool,
    },
    /// No copy of it arrives.
    Dropped(DropReason),
}

impl<'a> PacketView<'a> {
    /// The addresses of the client and of the server.
    pub fn client_and_server(&self) -> (SocketAddr, SocketAddr) {
        match self.direction {
            Direction::ToServer => (self.from, self.to),
            Direction::ToClient => (self.to, self.from),
        }
    }

    /// The port of the server.
    pub(crate) fn server_port(&self) -> u16 {
        self.client_and_server().1.port()
    }

    /// What the packet carries, if it is a UDP datagram.
    pub fn datagram(&self) -> Option<&'a [u8]> {
        match self.payload {
            Payload::Udp(datagram) => Some(datagram),
            Payload::Ip(packet) => ip::udp_payload(packet),
        }
    }
}

/// The observers of a path, in the order in which they are shown each packet. Without any, a packet costs nothing
/// extra.
#[derive(Default)]
pub struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    /// Whether any of them [reads ciphertext](Observer::reads_ciphertext).
    pub(super) fn any_reads_ciphertext(&self) -> bool {
        self.0.iter().any(|observer| observer.reads_ciphertext())
    }

    /// Adds one.
    pub fn push(&mut self, observer: Box<dyn Observer>) {
        self.0.push(observer);
    }

    /// Adds some.
    pub(crate) fn extend(&mut self, observers: impl IntoIterator<Item = Box<dyn Observer>>) {
        self.0.extend(observers);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows a packet that enters the path.
    pub(super) fn entered<'a>(&mut self, packet: impl FnOnce() -> PacketView<'a>) {
        if !self.0.is_empty() {
            let packet = packet();
            self.0.iter_mut().for_each(|observer| observer.entered(&packet));
        }
    }

    /// Shows a packet that leaves the path.
    pub(super) fn left<'a>(&mut self, exit: Exit, packet: impl FnOnce() -> PacketView<'a>) {
        if !self.0.is_empty() {
            let packet = packet();
            self.0.iter_mut().for_each(|observer| observer.left(&packet, exit));
        }
    }

    /// Reports packets that cannot be shown.
    #[cfg(real_time)]
    pub(super) fn missed(&mut self, packets: u64) {
        self.0.iter_mut().for_each(|observer| observer.missed(packets));
    }
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observers").field("count", &self.0.len()).finish()
    }
}
