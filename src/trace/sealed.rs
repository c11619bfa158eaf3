//! Recognises the packets of an end on the wire.

use std::{collections::VecDeque, ops::RangeInclusive};

/// Bytes that identify a datagram. A QUIC datagram ends with the authentication tag of its last packet (RFC 9001
/// section 5.3). An ARQ segment begins with its checksum, and its last bytes are compared too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    head: Option<[u8; 8]>,
    tail: [u8; 16],
}

impl Tag {
    /// The tag of a QUIC packet with this ciphertext.
    pub(crate) fn of_ciphertext(ciphertext: &[u8]) -> Option<Self> {
        Some(Self { head: None, tail: *ciphertext.last_chunk()? })
    }

    /// The tag of an ARQ segment.
    pub(crate) fn of_segment(datagram: &[u8]) -> Option<Self> {
        Some(Self { head: Some(*datagram.first_chunk()?), tail: *datagram.last_chunk()? })
    }

    /// Whether it identifies an ARQ segment.
    pub(crate) fn is_of_segment(&self) -> bool {
        self.head.is_some()
    }

    fn is_of(&self, datagram: &[u8]) -> bool {
        datagram.last_chunk() == Some(&self.tail)
            && self.head.is_none_or(|head| datagram.first_chunk() == Some(&head))
    }
}

/// Packets that an end has made and that have not entered the link, in sending order.
#[derive(Debug)]
pub(crate) struct SealedPackets<T>(VecDeque<(Tag, T)>);

impl<T> Default for SealedPackets<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> SealedPackets<T> {
    /// Adds a packet, which is sent next.
    pub(crate) fn push(&mut self, tag: Tag, packet: T) {
        self.0.push_back((tag, packet));
    }

    /// The place of the last packet in `datagram`.
    pub(crate) fn position(&self, datagram: &[u8]) -> Option<usize> {
        self.0.iter().position(|(tag, _)| tag.is_of(datagram))
    }

    /// The packet at `place`.
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.0.get(place).map(|(_, packet)| packet)
    }

    /// The packet that was made last.
    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        self.0.back_mut().map(|(_, packet)| packet)
    }

    /// Removes the first packet.
    pub(crate) fn pop(&mut self) -> Option<(Tag, T)> {
        self.0.pop_front()
    }

    /// Removes the packets at these places.
    pub(crate) fn take(&mut self, places: RangeInclusive<usize>) -> impl Iterator<Item = T> {
        self.0.drain(places).map(|(_, packet)| packet)
    }

    /// The number of packets.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
