//! Packets that have not entered the link.

use super::{carried::Carried, coverage::Extent};
use crate::wire::{
    Probe,
    quic::{Frame, frames},
};

/// More padding than this in a packet of PING frames makes it a probe for a larger MTU.
const MTU_PROBE_PADDING: u64 = 64;

/// A QUIC packet that is being encrypted.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) packet: u64,
    pub(super) carried: Vec<Carried>,
    /// The stream data in it. `None` if its loss is not counted, because it is not ack-eliciting or probes for a larger
    /// MTU.
    pub(super) data: Option<Vec<Extent>>,
    /// Its frames in words, if packets are watched.
    pub(super) words: String,
}

impl Sealing {
    /// Reads the frames in `payload`. `carried` and `data` are empty lists to fill.
    pub(super) fn new(packet: u64, payload: &[u8], mut carried: Vec<Carried>, mut data: Vec<Extent>) -> Self {
        let (mut only_pings, mut is_eliciting, mut padding) = (true, false, 0);
        for frame in frames(payload) {
            is_eliciting |= frame.is_ack_eliciting();
            match frame {
                Frame::Padding { length } => padding = length,
                Frame::Ping => continue,
                Frame::Stream { id, offset, length, fin } => {
                    let end = offset.saturating_add(length);
                    if length > 0 {
                        carried.push(Carried::Stream { id, start: offset, end });
                    }
                    let end = end.saturating_add(fin.into());
                    data.push(Extent { stream: id, start: offset, end, ends_stream: fin });
                    only_pings = false;
                }
                Frame::Datagram(bytes) => {
                    carried.extend(Probe::parse(bytes).map(|probe| Carried::Message(probe.id)));
                    only_pings = false;
                }
                _ => only_pings = false,
            }
        }
        let is_followed = is_eliciting && !(only_pings && padding > MTU_PROBE_PADDING);
        Self { packet, carried, data: is_followed.then_some(data), words: String::new() }
    }
}

/// A packet that has not entered the link.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) packet: u64,
    pub(super) carried: Vec<Carried>,
    /// See [`Sealing::data`].
    pub(super) data: Option<Vec<Extent>>,
    /// See [`Sealing::words`].
    pub(super) words: String,
    pub(super) tag: Tag,
}

/// The frames of a packet in words.
pub(super) fn words(payload: &[u8]) -> String {
    frames(payload).map(|frame| frame.to_string()).collect::<Vec<_>>().join(", ")
}

/// Bytes that identify a datagram. A QUIC datagram ends with the authentication tag of its last packet (RFC 9001 section
/// 5.3). An ARQ segment begins with its checksum, and its last bytes are compared too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) head: Option<[u8; 8]>,
    pub(super) tail: [u8; 16],
}

impl Tag {
    pub(super) fn of_segment(datagram: &[u8]) -> Option<Self> {
        Some(Self { head: Some(*datagram.first_chunk()?), tail: *datagram.last_chunk()? })
    }

    pub(super) fn is_of(&self, datagram: &[u8]) -> bool {
        datagram.last_chunk() == Some(&self.tail)
            && self.head.is_none_or(|head| datagram.first_chunk() == Some(&head))
    }
}
