//! A compact record of a run for timelines: every message, the link's drops, and its queues.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::observe::{Sample, SampleSink};
use crate::{
    channel::Delivery,
    experiment::plan::Plan,
    link::LinkSpec,
    path::{Exit, Observer, PacketView},
    unit::{Mutex, PerDirection, Time, nanos},
};

/// A run with this many messages, dropped packets in a direction, or intervals of [`QUEUE_BIN`] has no trace.
pub(in crate::experiment) const MAX_ENTRIES: usize = 1 << 20;
/// Nanoseconds to record a message and to save it in a part.
pub(in crate::experiment) const TRACING: f64 = 700.0;
/// Resolution of the queues, short enough to show single bursts.
pub(in crate::experiment) const QUEUE_BIN: Duration = Duration::from_millis(10);

/// The timeline of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Trace {
    /// The messages of the measured time, in the order in which their outcomes became known.
    pub(in crate::experiment) messages: Vec<Traced>,
    /// When the link dropped packets.
    pub(in crate::experiment) drops: PerDirection<Vec<Time>>,
    /// For each [`QUEUE_BIN`], the longest queueing and serialization delay of a packet that entered in it, in
    /// nanoseconds. `None` without a rate, because nothing queues, and with jitter, because it hides the delay.
    pub(in crate::experiment) queue: PerDirection<Option<Vec<u64>>>,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::experiment) struct Traced {
    pub(in crate::experiment) due: Time,
    /// `None` if it was not delivered.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub(in crate::experiment) latency: Option<Duration>,
    pub(in crate::experiment) delay: Delay,
}

/// The main cause of a message's delay. Blocking takes precedence over its own retransmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::experiment) enum Delay {
    Nothing,
    /// It was retransmitted.
    Recovery,
    /// It waited for an earlier message of its own flow.
    OwnFlow,
    /// It waited for a message of another flow.
    OtherFlow,
}

/// Records the trace of a run.
#[derive(Clone, Default)]
pub(in crate::experiment) struct Tracer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    trace: Trace,
    /// When each packet on the link entered, by packet number.
    on_link: PerDirection<BTreeMap<u64, Time>>,
    /// The propagation delay; `None` if jitter makes it vary, or if nothing can queue.
    delay: PerDirection<Option<Duration>>,
    /// Set when the trace has become too large.
    is_full: bool,
}

impl Tracer {
    pub(in crate::experiment) fn new(plan: &Plan) -> Self {
        let constant = |link: &LinkSpec| (link.rate.is_some() && link.jitter.is_none()).then_some(link.delay);
        let delay = plan.links.as_ref().map(constant);
        let queue = delay.map(|delay| delay.map(|_| Vec::new()));
        Self(Arc::new(Mutex::new(State {
            trace: Trace { queue, ..Trace::default() },
            delay,
            ..State::default()
        })))
    }

    /// A sink that records each message and passes it on to `next`.
    pub(in crate::experiment) fn sink(&self, next: Option<SampleSink>) -> SampleSink {
        let (tracer, mut next) = (self.clone(), next);
        Box::new(move |sample| {
            tracer.0.lock().note(sample);
            if let Some(next) = &mut next {
                next(sample);
            }
        })
    }

    /// An observer that records the packets of the run.
    pub(in crate::experiment) fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// The trace; `None` if the run was too long.
    pub(in crate::experiment) fn finish(&self) -> Option<Trace> {
        let state = &mut *self.0.lock();
        let trace = std::mem::take(&mut state.trace);
        (!state.is_full).then_some(trace)
    }
}

impl State {
    /// Whether the trace has no room for an entry at this index. If so, it stays full from then on.
    fn is_full(&mut self, place: usize) -> bool {
        self.is_full |= place >= MAX_ENTRIES;
        self.is_full
    }

    fn note(&mut self, sample: &Sample) {
        if self.is_full(self.trace.messages.len()) {
            return;
        }
        let latency = sample.latency();
        let blockers = [&sample.server, &sample.client].into_iter().flatten();
        let is_other = |delivery: &Delivery| Some(delivery.blocked_by?.flow != sample.id.flow);
        let delay = match blockers.filter_map(is_other).max() {
            _ if latency.is_none() => Delay::Nothing,
            Some(true) => Delay::OtherFlow,
            Some(false) => Delay::OwnFlow,
            None if sample.budget.is_some_and(|budget| !budget.recovery.is_zero()) => Delay::Recovery,
            None => Delay::Nothing,
        };
        self.trace.messages.push(Traced { due: sample.due, latency, delay });
    }
}

impl Observer for Tracer {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let state = &mut *self.0.lock();
        if state.delay[packet.direction].is_some() {
            state.on_link[packet.direction].insert(packet.number, packet.at);
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let state = &mut *self.0.lock();
        let way = packet.direction;
        let entered = state.on_link[way].remove(&packet.number);
        if let Exit::Dropped(_) = exit {
            if !state.is_full(state.trace.drops[way].len()) {
                state.trace.drops[way].push(packet.at);
            }
            return;
        }
        let Some((entered, delay)) = entered.zip(state.delay[way]) else { return };
        let queued = (packet.at - entered).saturating_sub(delay);
        let bin = usize::try_from(entered.as_nanos() / nanos(QUEUE_BIN)).unwrap_or(usize::MAX);
        let is_full = state.is_full(bin);
        if let Some(bins) = state.trace.queue[way].as_mut().filter(|_| !is_full) {
            if bins.len() <= bin {
                bins.resize(bin + 1, 0);
            }
            bins[bin] = bins[bin].max(nanos(queued));
        }
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}
