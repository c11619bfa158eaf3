//! Assembly of segments to send.

use super::{Connection, State};
use crate::{
    arq::{SegmentKind, Transmit, queue::Content, sender::Outgoing},
    unit::Time,
    wire::segment::{Acknowledgement, Body, HEADER_BYTES, MAX_RANGES, RANGE_BYTES, Segment},
};

impl Connection {
    /// The next datagram. Resets go first, then the handshake, retransmissions, new data, pings, and last a pure
    /// acknowledgement.
    pub(super) fn next_transmit(&mut self, now: Time) -> Option<Transmit> {
        if self.state == State::Drained {
            return None;
        }
        if let Some(sequence) = self.reset.take() {
            return self.encode(Body::Reset { sequence }, SegmentKind::Control);
        }
        let hello = self.handshake.as_mut().and_then(|handshake| handshake.poll(now, &self.config));
        if let Some((to, body)) = hello {
            let window = self.config.receive_window;
            let acknowledgement = Acknowledgement { window, ..Acknowledgement::default() };
            let datagram = Segment { to, acknowledgement, body }.encode();
            return Some(Transmit { datagram, kind: SegmentKind::Control });
        }
        match self.state {
            State::Open => self.transmit_open(now),
            State::Finished { .. } => self.transmit_acknowledgement(now),
            _ => None,
        }
    }

    fn transmit_open(&mut self, now: Time) -> Option<Transmit> {
        if let Some(outgoing) = self.sender.poll(now) {
            return self.encode_content(&outgoing);
        }
        if std::mem::take(&mut self.ping) {
            return self.encode(Body::Ping, SegmentKind::Control);
        }
        self.transmit_acknowledgement(now)
    }

    fn transmit_acknowledgement(&mut self, now: Time) -> Option<Transmit> {
        let due = self.receiver.acknowledgement_due().is_some_and(|due| due <= now);
        if due { self.encode(Body::Ack, SegmentKind::Acknowledgement) } else { None }
    }

    fn encode_content(&mut self, outgoing: &Outgoing) -> Option<Transmit> {
        let &Outgoing { sequence, ref content, copies_before, transmission } = outgoing;
        let kind = SegmentKind::Content { sequence, copies_before, transmission };
        match content {
            Content::Fragment(fragment, payload) => {
                self.encode(Body::Data { sequence, fragment: *fragment, payload }, kind)
            }
            Content::Fin => self.encode(Body::Fin { sequence }, kind),
        }
    }

    /// Encodes a segment for the peer, with as many acknowledgement ranges as fit.
    fn encode(&mut self, body: Body<'_>, kind: SegmentKind) -> Option<Transmit> {
        let payload = match body {
            Body::Data { payload, .. } => payload.len(),
            _ => 0,
        };
        let room = usize::from(self.max_datagram).saturating_sub(HEADER_BYTES + payload) / RANGE_BYTES;
        let acknowledgement = self.receiver.acknowledge(room.min(MAX_RANGES));
        let datagram = Segment { to: self.peer?, acknowledgement, body }.encode();
        Some(Transmit { datagram, kind })
    }
}
