//! Maps the datagrams on the wire to the packets in them.

use std::collections::VecDeque;

use super::{events, json::Json};
use crate::{
    trace::{PacketType, SealedPackets, Tag},
    unit::Time,
};

/// Upper bound on packets that have not entered the link. The oldest is forgotten.
const MAX_SEALED: usize = 4096;

/// Identifies a packet to its sender.
#[derive(Debug, Clone, Copy)]
pub(super) enum PacketId {
    Quic(PacketType, u64),
    /// An ARQ segment.
    Segment {
        /// `None` if it has no content.
        content: Option<Content>,
    },
    /// The number of a TCP segment among those of its end.
    Tcp(u64),
}

/// Identifies the content of an ARQ segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    pub(super) sequence: u64,
    pub(super) transmission: u64,
}

impl PacketId {
    /// Adds its fields.
    pub(super) fn write(self, json: &mut Json) {
        match self {
            Self::Quic(packet_type, number) => events::short_header(json, packet_type, number),
            Self::Segment { content } => {
                json.plain("packet_type", "unknown");
                if let Some(Content { sequence, transmission }) = content {
                    json.field("packet_number", sequence);
                    json.field("transmission", transmission);
                }
            }
            Self::Tcp(number) => {
                json.plain("packet_type", "unknown");
                json.field("packet_number", number);
            }
        }
    }
}

/// A packet that has not entered the link.
#[derive(Debug)]
struct Sealed {
    connection: usize,
    packet: PacketId,
    bytes: usize,
}

/// A datagram on the link.
#[derive(Debug)]
pub(super) struct Flight {
    number: u64,
    pub(super) connection: usize,
    pub(super) packets: Vec<PacketId>,
    pub(super) entered: Time,
    /// Number of copies that left the link before.
    pub(super) copies: u32,
}

/// One direction of the wire.
#[derive(Debug, Default)]
pub(super) struct Wire {
    sealed: SealedPackets<Sealed>,
    flights: VecDeque<Flight>,
    /// Lists of earlier datagrams, to be reused.
    spare: Vec<Vec<PacketId>>,
    /// The highest number of a datagram that has arrived.
    highest: Option<u64>,
    /// Number of packets that were forgotten before they entered the link.
    forgotten: u64,
}

impl Wire {
    /// A packet of `bytes` was made, and is sent at once. `tag` identifies it.
    pub(super) fn seal(&mut self, connection: usize, packet: PacketId, bytes: usize, tag: Option<Tag>) {
        let Some(tag) = tag else { return };
        if self.sealed.len() == MAX_SEALED {
            self.sealed.pop();
            self.forgotten += 1;
        }
        self.sealed.push(tag, Sealed { connection, packet, bytes });
    }

    /// Number of packets that were forgotten before they entered the link.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// A datagram entered the link, or its sender's socket. Returns its connection if it carries packets that were
    /// sealed.
    pub(super) fn enter(&mut self, number: u64, datagram: &[u8], now: Time) -> Option<usize> {
        let last = self.sealed.position(datagram)?;
        let &Sealed { connection, mut bytes, .. } = self.sealed.get(last)?;
        let mut first = last;
        // Packets before it may be coalesced with it (RFC 9000 section 12.2).
        while let Some(before) = first.checked_sub(1)
            && bytes < datagram.len()
            && let Some(sealed) = self.sealed.get(before)
            && sealed.connection == connection
        {
            first = before;
            bytes += sealed.bytes;
        }
        let mut packets = self.spare.pop().unwrap_or_default();
        packets.extend(self.sealed.take(first..=last).map(|sealed| sealed.packet));
        // The packets of a connection enter in sending order: its sender could not send those before.
        for place in (0..first).rev() {
            if self.sealed.get(place).is_some_and(|sealed| sealed.connection == connection) {
                self.sealed.take(place..=place).for_each(drop);
            }
        }
        self.flights.push_back(Flight { number, connection, packets, entered: now, copies: 0 });
        Some(connection)
    }

    /// The packet `number` of the link entered it. It is `packet`.
    pub(super) fn enter_as(&mut self, number: u64, connection: usize, packet: PacketId, now: Time) {
        let mut packets = self.spare.pop().unwrap_or_default();
        packets.push(packet);
        self.flights.push_back(Flight { number, connection, packets, entered: now, copies: 0 });
    }

    /// A copy of a datagram left the link. `more` tells whether another copy is still on it. Calls `look` with the
    /// datagram, and with whether a datagram that entered later has already arrived.
    pub(super) fn leave(&mut self, number: u64, arrived: bool, more: bool, look: impl FnOnce(&Flight, bool)) {
        let Ok(index) = self.flights.binary_search_by_key(&number, |flight| flight.number) else { return };
        let is_overtaken = self.highest.is_some_and(|highest| number < highest);
        if arrived {
            self.highest = self.highest.max(Some(number));
        }
        let flight = &mut self.flights[index];
        look(flight, is_overtaken);
        flight.copies += 1;
        if !more && let Some(Flight { mut packets, .. }) = self.flights.remove(index) {
            packets.clear();
            self.spare.push(packets);
        }
    }

    /// Whether a datagram of `connection` is on the link.
    pub(super) fn carries(&self, connection: usize) -> bool {
        self.flights.iter().any(|flight| flight.connection == connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(number: u64) -> Vec<u8> {
        [&[0; 16], &number.to_be_bytes()[..]].concat()
    }

    fn seal(wire: &mut Wire, connection: usize, number: u64) {
        let bytes = datagram(number);
        let packet = PacketId::Quic(PacketType::OneRtt, number);
        wire.seal(connection, packet, bytes.len(), Tag::of_ciphertext(&bytes));
    }

    #[test]
    fn packets_that_wait_for_too_long_are_forgotten_and_counted() {
        let mut wire = Wire::default();
        for number in 0..MAX_SEALED as u64 + 3 {
            seal(&mut wire, 0, number);
        }
        assert_eq!(wire.forgotten(), 3);
        assert_eq!(wire.enter(0, &datagram(2), Time::ZERO), None);
        assert_eq!(wire.enter(0, &datagram(3), Time::ZERO), Some(0));
    }

    #[test]
    fn packets_that_could_not_be_sent_make_room_for_later_ones() {
        let mut wire = Wire::default();
        seal(&mut wire, 7, 0);
        for number in 1..3 * MAX_SEALED as u64 {
            seal(&mut wire, 0, number);
            if number % 2 == 0 {
                assert_eq!(wire.enter(number, &datagram(number), Time::ZERO), Some(0));
            }
        }
        assert_eq!((wire.forgotten(), wire.enter(0, &datagram(0), Time::ZERO)), (0, Some(7)));
    }
}
