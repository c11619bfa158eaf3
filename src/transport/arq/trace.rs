//! Reports outgoing segments to the tap.

use std::collections::BTreeMap;

use crate::{
    tap::{Carried, Tap},
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

    /// `datagram` is sent next. The peer has acknowledged everything before `unacknowledged`.
    pub(super) fn leaves(&mut self, datagram: &[u8], unacknowledged: u64) {
        let Ok(Segment { body: Body::Data { sequence, fragment, payload }, .. }) = Segment::parse(datagram)
        else {
            return;
        };
        let first = sequence - u64::from(fragment.index);
        let length = payload.len() as u64;
        if fragment.index == 0
            && let Ok(probe) = Probe::parse(payload)
        {
            self.forget_before(unacknowledged);
            self.under_way.insert(first, (probe.id, length));
        }
        if let Some(&(id, each)) = self.under_way.get(&first) {
            let start = u64::from(fragment.index) * each;
            self.tap.loaded(datagram, Carried::Segment { sequence, id, start, end: start + length });
        }
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
