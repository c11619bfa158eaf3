//! Packets that have not entered the link.

use super::{carried::Carried, cause::LossCause, coverage::Extent};
use crate::wire::{
    Probe,
    quic::{Frame, frames, is_mtu_probe},
};

/// A QUIC packet that is being encrypted.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) packet: u64,
    pub(super) carried: Vec<Carried>,
    /// The stream data in it. `None` if its loss is not counted: because no loss is, or because it is not ack-eliciting
    /// or probes for a larger MTU.
    pub(super) data: Option<Vec<Extent>>,
    /// Its frames in words, if packets are watched.
    pub(super) words: String,
}

impl Sealing {
    /// Reads the frames in `payload`. `carried` and `data` are empty lists to fill. Without `data`, losses are not
    /// counted.
    pub(super) fn new(
        packet: u64,
        payload: &[u8],
        mut carried: Vec<Carried>,
        mut data: Option<Vec<Extent>>,
    ) -> Self {
        let mut is_eliciting = false;
        for frame in frames(payload) {
            is_eliciting |= frame.is_ack_eliciting();
            match frame {
                Frame::Stream { id, offset, length, fin } => {
                    let end = offset.saturating_add(length);
                    if length > 0 {
                        carried.push(Carried::Stream { id, start: offset, end });
                    }
                    if let Some(data) = &mut data {
                        let end = end.saturating_add(fin.into());
                        data.push(Extent { stream: id, start: offset, end, ends_stream: fin });
                    }
                }
                Frame::Datagram(bytes) => {
                    carried.extend(Probe::parse(bytes).map(|probe| Carried::Message(probe.id)));
                }
                _ => {}
            }
        }
        let data = data.filter(|_| is_eliciting && !is_mtu_probe(payload));
        Self { packet, carried, data, words: String::new() }
    }
}

/// A packet that has not entered the link.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) packet: u64,
    pub(super) carried: Vec<Carried>,
    /// See [`Sealing::data`].
    pub(super) data: Option<Vec<Extent>>,
    /// If the sender does not report its losses: why it repeats data, if it does.
    pub(super) repeats_for: Option<LossCause>,
    /// See [`Sealing::words`].
    pub(super) words: String,
}

/// The frames of a packet in words.
pub(super) fn words(payload: &[u8]) -> String {
    frames(payload).map(|frame| frame.to_string()).collect::<Vec<_>>().join(", ")
}
