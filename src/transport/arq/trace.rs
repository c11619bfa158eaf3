//! Reports outgoing segments to the tap.

use std::collections::BTreeMap;

use crate::{
    arq::{Connection, SegmentKind, Transmit},
    tap::{Carried, Loaded, Tap},
    unit::Time,
    wire::{
        MessageId, Probe,
        segment::{Body, Segment},
    },
};

/// Tells the tap which message each segment belongs to.
pub(super) struct Trace {
    tap: Tap,
    /// Messages in flight, by the sequence number of their first segment: the message, and the payload length of each of its
    /// segments but the last.
    under_way: BTreeMap<u64, (MessageId, u64)>,
}

impl Trace {
    pub(super) fn new(tap: Tap) -> Self {
        Self { tap, under_way: BTreeMap::new() }
    }

    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// `transmit` is sent next. The peer has acknowledged everything before `unacknowledged`.
    pub(super) fn leaves(&mut self, transmit: &Transmit, unacknowledged: u64) {
        if let SegmentKind::Content { sequence, transmission, .. } = transmit.kind {
            let what = self.carried(&transmit.datagram, unacknowledged);
            self.tap.loaded_segment(&transmit.datagram, Loaded { transmission, sequence, what });
        }
    }

    /// Reports the losses that `connection` declared at `now`.
    pub(super) fn report_losses(&self, connection: &mut Connection, now: Time) {
        let mut any = false;
        while let Some(loss) = connection.poll_loss() {
            any = true;
            self.tap.declared(loss.transmission, now, loss.cause.into());
        }
        if any {
            self.tap.forget_before(connection.first_in_flight());
        }
    }

    /// The part of a message in `datagram`.
    fn carried(&mut self, datagram: &[u8], unacknowledged: u64) -> Option<Carried> {
        let Ok(Segment { body: Body::Data { sequence, fragment, payload }, .. }) = Segment::parse(datagram)
        else {
            return None;
        };
        let first = sequence - u64::from(fragment.index);
        let length = payload.len() as u64;
        if fragment.index == 0
            && let Ok(probe) = Probe::parse(payload)
        {
            self.forget_before(unacknowledged);
            self.under_way.insert(first, (probe.id, length));
        }
        let &(id, each) = self.under_way.get(&first)?;
        let start = u64::from(fragment.index) * each;
        Some(Carried::Segment { sequence, id, start, end: start + length })
    }

    /// Removes the messages that begin before `unacknowledged`, except the last: part of it may have to be sent again.
    fn forget_before(&mut self, unacknowledged: u64) {
        while let Some((_, second)) = self.under_way.keys().next().zip(self.under_way.keys().nth(1))
            && *second <= unacknowledged
        {
            self.under_way.pop_first();
        }
    }
}
