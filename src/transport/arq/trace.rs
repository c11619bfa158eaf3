//! Reports the segments of a connection to its tap and to its trace.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    arq::{Connection, Event, SegmentKind, Transmit},
    path::Side,
    tap::{Carried, Loaded, Tap},
    trace::{ArqEvent, ArqTrace, ArqTracer, Metrics, Thresholds},
    unit::Time,
    wire::{
        MessageId, Probe,
        segment::{Body, Segment},
    },
};

/// What follows a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Followers {
    pub(super) tap: Option<Tap>,
    pub(super) tracer: Option<Arc<dyn ArqTracer>>,
}

impl Followers {
    /// Whether they need the losses that the connection declares.
    pub(super) fn need_losses(&self) -> bool {
        self.tap.is_some() || self.tracer.is_some()
    }

    /// Begins to follow the connection of an end.
    pub(super) fn follow(self, side: Side, connection: &Connection, now: Time) -> Trace {
        let client = match side {
            Side::Client => Some(connection.id()),
            Side::Server => connection.peer_id(),
        };
        let mut trace = self.tracer.zip(client).map(|(tracer, client)| tracer.trace_arq(side, client));
        if let Some(trace) = &mut trace {
            let config = connection.config();
            let (packets, time) = (config.packet_threshold, config.time_threshold);
            trace.record(now, &ArqEvent::Thresholds(Thresholds { packets, time }));
        }
        Trace { tap: self.tap.map(TapTrace::new), trace, metrics: Metrics::default() }
    }
}

/// Reports what an end of a connection does.
pub(super) struct Trace {
    tap: Option<TapTrace>,
    trace: Option<Box<dyn ArqTrace>>,
    metrics: Metrics,
}

impl Trace {
    pub(super) fn tap(&self) -> Option<&Tap> {
        self.tap.as_ref().map(|tap| &tap.tap)
    }

    /// `transmit` is sent next. The peer has acknowledged everything before `unacknowledged`.
    pub(super) fn leaves(&mut self, transmit: &Transmit, unacknowledged: u64, now: Time) {
        if let Some(tap) = &mut self.tap {
            tap.leaves(transmit, unacknowledged);
        }
        if let Some(trace) = &mut self.trace {
            trace.record(now, &ArqEvent::Sent { datagram: &transmit.datagram, kind: transmit.kind });
        }
    }

    /// The connection has handled `datagram`, and kept new content in it if `is_kept`.
    pub(super) fn received(&mut self, datagram: &[u8], is_kept: bool, now: Time) {
        if let Some(tap) = &self.tap {
            tap.tap.landed(datagram, is_kept);
        }
        if let Some(trace) = &mut self.trace {
            trace.record(now, &ArqEvent::Received { datagram, is_kept });
        }
    }

    /// Reports the losses that `connection` declared at `now`, and the new state of its recovery.
    pub(super) fn report(&mut self, connection: &mut Connection, now: Time) {
        let mut any = false;
        while let Some(loss) = connection.poll_loss() {
            any = true;
            if let Some(tap) = &self.tap {
                tap.tap.declared(loss.transmission, now, loss.cause.into());
            }
            if let Some(trace) = &mut self.trace {
                trace.record(now, &ArqEvent::Lost(loss));
            }
        }
        if let Some(tap) = self.tap.as_ref().filter(|_| any) {
            tap.tap.forget_before(connection.first_in_flight());
        }
        if let Some(trace) = &mut self.trace {
            let metrics = metrics(connection);
            if metrics != self.metrics {
                self.metrics = metrics;
                trace.record(now, &ArqEvent::Metrics(metrics));
            }
        }
    }

    /// The connection reported `event`.
    pub(super) fn event(&mut self, event: &Event, now: Time) {
        let Some(trace) = &mut self.trace else { return };
        match event {
            Event::Connected => trace.record(now, &ArqEvent::Established),
            Event::Closed(error) => trace.record(now, &ArqEvent::Closed(error.as_ref())),
            Event::Writable | Event::Finished => {}
        }
    }

    /// The end drops its connection.
    pub(super) fn end(&mut self, now: Time) {
        if let Some(mut trace) = self.trace.take() {
            trace.record(now, &ArqEvent::Dropped);
        }
    }
}

fn metrics(connection: &Connection) -> Metrics {
    let state = connection.recovery_state();
    let rtt = state.rtt.unwrap_or_default();
    Metrics {
        min_rtt: rtt.min,
        smoothed_rtt: rtt.smoothed,
        latest_rtt: rtt.latest,
        rtt_variance: rtt.variation,
        pto_count: state.timeouts,
        congestion_window: state.window_bytes,
        bytes_in_flight: state.in_flight_bytes,
        packets_in_flight: state.in_flight_segments,
        ssthresh: None,
    }
}

/// Tells the tap which message each segment belongs to.
struct TapTrace {
    tap: Tap,
    /// Messages in flight, by the sequence number of their first segment: the message, and the payload length of each
    /// of its segments but the last.
    under_way: BTreeMap<u64, (MessageId, u64)>,
}

impl TapTrace {
    fn new(tap: Tap) -> Self {
        Self { tap, under_way: BTreeMap::new() }
    }

    fn leaves(&mut self, transmit: &Transmit, unacknowledged: u64) {
        if let SegmentKind::Content { sequence, transmission, .. } = transmit.kind {
            let what = self.carried(&transmit.datagram, unacknowledged);
            self.tap.loaded_segment(&transmit.datagram, Loaded { transmission, sequence, what });
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
