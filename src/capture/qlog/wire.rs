//! Maps the datagrams on the wire to the QUIC packets in them.

use std::collections::VecDeque;

use crate::{trace::PacketType, unit::Time};

/// The QUIC packets in a datagram.
type Packets = Vec<(PacketType, u64)>;

/// The length of the authentication tag at the end of a packet, which identifies the packet.
const TAG_BYTES: usize = 16;

/// Upper bound on packets that have not entered the link. The oldest is forgotten.
const MAX_SEALED: usize = 4096;

/// A packet that has not entered the link.
#[derive(Debug)]
struct Sealed {
    connection: usize,
    packet: (PacketType, u64),
    bytes: usize,
    tag: [u8; TAG_BYTES],
}

/// A datagram on the link.
#[derive(Debug)]
pub(super) struct Flight {
    number: u64,
    pub(super) connection: usize,
    pub(super) packets: Packets,
    pub(super) entered: Time,
    /// Number of copies that left the link before.
    pub(super) copies: u32,
}

/// One direction of the wire.
#[derive(Debug, Default)]
pub(super) struct Wire {
    sealed: VecDeque<Sealed>,
    flights: VecDeque<Flight>,
    /// The highest number of a datagram that has arrived.
    highest: Option<u64>,
}

impl Wire {
    /// A packet was encrypted, and is sent at once.
    pub(super) fn seal(&mut self, connection: usize, packet: (PacketType, u64), ciphertext: &[u8]) {
        let Some(tag) = ciphertext.last_chunk() else { return };
        if self.sealed.len() == MAX_SEALED {
            self.sealed.pop_front();
        }
        self.sealed.push_back(Sealed { connection, packet, bytes: ciphertext.len(), tag: *tag });
    }

    /// A datagram entered the link, or its sender's socket. Returns its connection if it carries QUIC packets.
    pub(super) fn enter(&mut self, number: u64, datagram: &[u8], now: Time) -> Option<usize> {
        let tag = datagram.last_chunk::<TAG_BYTES>()?;
        let last = self.sealed.iter().position(|sealed| sealed.tag == *tag)?;
        let connection = self.sealed[last].connection;
        let (mut first, mut bytes) = (last, self.sealed[last].bytes);
        // Packets before it may be coalesced with it (RFC 9000 section 12.2).
        while let Some(before) = first.checked_sub(1)
            && bytes < datagram.len()
            && self.sealed[before].connection == connection
        {
            first = before;
            bytes += self.sealed[before].bytes;
        }
        let packets = self.sealed.drain(first..=last).map(|sealed| sealed.packet).collect();
        self.flights.push_back(Flight { number, connection, packets, entered: now, copies: 0 });
        Some(connection)
    }

    /// A copy of a datagram left the link. `more` tells whether another copy is still on it. Returns the datagram, and
    /// whether a datagram that entered later has already arrived.
    pub(super) fn leave(&mut self, number: u64, arrived: bool, more: bool) -> Option<(Flight, bool)> {
        let index = self.flights.binary_search_by_key(&number, |flight| flight.number).ok()?;
        let is_overtaken = self.highest.is_some_and(|highest| number < highest);
        if arrived {
            self.highest = self.highest.max(Some(number));
        }
        if !more {
            return self.flights.remove(index).map(|flight| (flight, is_overtaken));
        }
        let flight = &mut self.flights[index];
        flight.copies += 1;
        let Flight { connection, entered, copies, .. } = *flight;
        Some((
            Flight { number, connection, packets: flight.packets.clone(), entered, copies: copies - 1 },
            is_overtaken,
        ))
    }

    /// Whether a datagram of `connection` is on the link.
    pub(super) fn carries(&self, connection: usize) -> bool {
        self.flights.iter().any(|flight| flight.connection == connection)
    }
}
