//! The state of every message of a run.
//!
//! Only messages under way are held; what is settled goes into histograms and counters at once, so that
//! memory does not grow with the length of a run.

mod forgotten;
mod message;
mod one_way;
mod server_reports;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use self::{
    message::{Arrivals, Message},
    server_reports::ServerReports,
};
use crate::{
    channel::Delivery,
    experiment::{
        record::{
            AtServer,
            blocking::{Held, StallTracker},
            budget::{Budget, Parts},
            network::NetworkTracker,
            observe::{Sample, SampleSink, Status},
            outcome::Outcome,
        },
        workload::{Scheduled, Wait, Workload},
    },
    stats::{Arrival, Sequence},
    transport::{Shape, Transport},
    unit::{Direction, Lock, PerDirection, Time, nanos},
    wire::Extension,
};

/// The record of one run, shared by its two ends.
#[derive(Clone)]
pub(in crate::experiment) struct Recorder(Arc<Lock<State>>);

struct State {
    workload: Workload,
    /// See [`Host::resolution`](crate::path::Host::resolution).
    resolution: Duration,
    /// Whether a message that stays away is lost, or only not finished yet.
    datagrams: bool,
    /// Whether messages and their replies enter the link as they are sent.
    enters_at_once: bool,
    /// Messages under way, and those settled that were scheduled behind them.
    under_way: VecDeque<Message>,
    /// The number of the first of them.
    first: u64,
    /// Datagrams before that which have not come back, and may still do so.
    late: BTreeMap<u64, Message>,
    /// The first message that counts.
    first_measured: Option<u64>,
    /// Messages that have not come back.
    outstanding: u64,
    /// When the first message was due.
    begun: Option<Time>,
    /// When the last reply came.
    last_reply: Option<Time>,
    /// Arrivals of messages that have settled, to be used again.
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    spare: Vec<Box<Arrivals>>,
    /// The first number that has not arrived at each end: anything below it that comes later was overtaken.
    next_expected: PerDirection<u64>,
    /// The longest latency so far, in nanoseconds.
    longest: Option<u64>,
    stopped_waiting: bool,
    /// Messages sent before this are lost if they have not come back, because the client has left their connection.
    abandoned_before: Time,
    stalls: PerDirection<StallTracker>,
    /// Requests at the server, if it is part of the run.
    requests: Sequence,
    /// What a remote server has reported; `None` if the server is part of the run.
    remote: Option<ServerReports>,
    network: NetworkTracker,
    /// The first message that the server of a game sent.
    first_of_server: Option<u64>,
    /// Messages without a reply that arrived before their sender recorded them.
    early: Vec<(u64, Delivery, Direction)>,
    /// The client's task while it waits for messages to arrive at the server.
    waiting: Option<Waker>,
    outcome: Outcome,
    samples: Option<SampleSink>,
}

impl Recorder {
    /// The record of a run; if `one_thread`, for the calling thread alone.
    pub(in crate::experiment) fn new(
        transport: Transport,
        workload: Workload,
        resolution: Duration,
        one_thread: bool,
        samples: Option<SampleSink>,
    ) -> Self {
        let state = State {
            workload,
            resolution,
            datagrams: transport.is_datagram(),
            enters_at_once: transport.shape() == Shape::Datagrams,
            under_way: VecDeque::new(),
            first: 0,
            late: BTreeMap::new(),
            first_measured: None,
            outstanding: 0,
            begun: None,
            last_reply: None,
            spare: Vec::new(),
            next_expected: PerDirection::default(),
            longest: None,
            stopped_waiting: false,
            abandoned_before: Time::ZERO,
            stalls: Default::default(),
            requests: Sequence::default(),
            remote: None,
            network: NetworkTracker::default(),
            first_of_server: None,
            early: Vec::new(),
            waiting: None,
            outcome: Outcome::default(),
            samples,
        };
        Self(Arc::new(Lock::new(one_thread, state)))
    }

    /// The same for a remote server.
    pub(in crate::experiment) fn of_remote(
        transport: Transport,
        workload: Workload,
        resolution: Duration,
        samples: Option<SampleSink>,
    ) -> Self {
        let recorder = Self::new(transport, workload, resolution, false, samples);
        recorder.0.lock().remote = Some(ServerReports::default());
        recorder
    }

    /// A unit was handed to the transport at `now`. `settled` is [`Host::settled_before`](crate::path::Host).
    pub(in crate::experiment) fn sent(
        &self,
        scheduled: Scheduled,
        now: Time,
        settled: impl FnMut() -> Option<Time>,
    ) {
        let mut state = self.0.lock();
        state.set_old_aside(now, settled);
        state.begun.get_or_insert(scheduled.due);
        for message in scheduled.messages() {
            state.under_way.push_back(Message::new(message, now));
        }
        state.outstanding += u64::from(scheduled.count);
        if scheduled.measured {
            state.first_measured.get_or_insert(scheduled.number);
            state.outcome.messages.scheduled += u64::from(scheduled.count);
            state.outcome.messages.sent += u64::from(scheduled.count);
            state.outcome.send_delay.record(now.nanos_since(scheduled.due));
        }
        for (number, delivery, way) in std::mem::take(&mut state.early) {
            state.on_one_way(number, &delivery, way);
        }
    }

    /// A request reached the server, which sent the reply at `replied`. Returns whether the request had arrived before.
    pub(in crate::experiment) fn at_server(&self, delivery: &Delivery, replied: Time) -> bool {
        let mut state = self.0.lock();
        let delivery = &*delivery.resolved(state.resolution);
        let number = state.workload.number(delivery.probe.id);
        if !state.workload.application.is_answered() {
            state.on_one_way(number, delivery, Direction::ToServer);
            return false;
        }
        let place = state.requests.note(number);
        let Some(message) = state.message(number) else {
            return false;
        };
        let is_measured = message.scheduled.measured;
        let is_repeated = message.at_server.is_some() || message.settled;
        match &mut message.at_server {
            Some(arrivals) => {
                let second = AtServer { delivery: *delivery, replied };
                arrivals.second.get_or_insert_with(|| Box::new(second));
            }
            None if message.settled => {}
            None => state.note_arrival(number, AtServer { delivery: *delivery, replied }, place),
        }
        if is_measured {
            state.note_stall(Direction::ToServer, delivery);
        }
        is_repeated
    }

    /// A reply reached the client.
    pub(in crate::experiment) fn at_client(&self, delivery: &Delivery) {
        let mut state = self.0.lock();
        let delivery = &*delivery.resolved(state.resolution);
        let number = state.workload.number(delivery.probe.id);
        if !state.workload.application.is_answered() {
            state.on_one_way(number, delivery, Direction::ToClient);
            return;
        }
        if let Some(Extension::Report(report)) = delivery.probe.extension {
            state.on_server_report(number, delivery, &report);
        }
        let Some(message) = state.settle(number) else {
            return;
        };
        state.on_end(&message, delivery, Direction::ToClient);
        state.note_network(number, &message, delivery);
        if message.scheduled.measured {
            state.account(&message, delivery);
        }
        state.spare.extend(message.at_server);
        state.forget_settled();
    }

    /// Replies may take this long, although none has so far: the client will have another network.
    pub(in crate::experiment) fn expect(&self, round_trip: Duration) {
        let longest = &mut self.0.lock().longest;
        *longest = (*longest).max(Some(nanos(round_trip)));
    }

    /// How long to wait after the last message for those still outstanding, if any are.
    pub(in crate::experiment) fn patience(&self) -> Option<Duration> {
        let state = self.0.lock();
        let wait = state.workload.wait;
        let after = if state.datagrams { Wait::after_datagrams } else { Wait::after };
        (state.outstanding > 0).then(|| after(wait, state.longest.map(Duration::from_nanos)))
    }

    /// Ready when nothing is outstanding any more, wherever it arrived. One task may wait.
    pub(in crate::experiment) fn poll_settled(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.outstanding == 0 {
            return Poll::Ready(());
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The client left a connection and sent nothing on the next before `instant`.
    pub(in crate::experiment) fn abandon(&self, instant: Time) {
        self.0.lock().abandoned_before = instant;
    }

    /// The run was ended from outside.
    pub(in crate::experiment) fn interrupt(&self) {
        self.0.lock().outcome.interrupted = true;
    }

    /// The run ends before the wait for replies does, so outstanding messages count as unfinished, not as lost.
    pub(in crate::experiment) fn stop_waiting(&self) {
        self.0.lock().stopped_waiting = true;
    }
}

impl State {
    fn message(&mut self, number: u64) -> Option<&mut Message> {
        match number.checked_sub(self.first) {
            Some(index) => self.under_way.get_mut(usize::try_from(index).ok()?),
            None => self.late.get_mut(&number),
        }
    }

    /// Marks message `number` as delivered; `None` if it was before, or is not known.
    fn settle(&mut self, number: u64) -> Option<Message> {
        if number < self.first {
            let message = self.late.remove(&number);
            // Whatever is not late has settled.
            let is_duplicate = message.is_none() && self.first_measured.is_some_and(|first| first <= number);
            self.outcome.messages.duplicated += u64::from(is_duplicate);
            return message;
        }
        let message = self.message(number)?;
        let scheduled = message.scheduled;
        if std::mem::replace(&mut message.settled, true) {
            self.outcome.messages.duplicated += u64::from(scheduled.measured);
            return None;
        }
        Some(Message { at_server: message.at_server.take(), ..*message })
    }

    /// A message was delivered: its reply to the client, or itself if it has no reply.
    fn on_end(&mut self, message: &Message, delivery: &Delivery, way: Direction) {
        let number = message.scheduled.number;
        let scheduled = message.scheduled;
        self.outstanding -= 1;
        if self.outstanding == 0 {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
        self.last_reply = Some(delivery.released);
        let latency = delivery.released.nanos_since(scheduled.due);
        self.longest = self.longest.max(Some(latency));
        let expected = &mut self.next_expected[way];
        let overtaken = number < *expected;
        *expected = (*expected).max(number + 1);
        if scheduled.measured {
            let deadline = nanos(self.workload.deadline);
            let messages = &mut self.outcome.messages;
            messages.delivered += 1;
            messages.on_time += u64::from(latency <= deadline);
            messages.reordered += u64::from(overtaken);
            self.outcome.latency.record(latency);
        }
    }

    fn note_budget(&mut self, budget: Option<Parts>) {
        let Some(budget) = budget else { return };
        self.outcome.budget.add(&budget);
        if budget.extra() > nanos(self.resolution) {
            self.outcome.extra.record(budget.extra());
        }
    }

    /// Message `number` reached the server for the first time, as the request with this `place`.
    fn note_arrival(&mut self, number: u64, first: AtServer, place: Arrival) {
        let arrivals = match self.spare.pop() {
            Some(mut spare) => {
                (spare.first, spare.second, spare.place) = (first, None, place);
                spare
            }
            None => Box::new(Arrivals { first, second: None, place }),
        };
        if let Some(message) = self.message(number) {
            message.at_server = Some(arrivals);
        }
    }

    /// Where the time of a delivered message went.
    fn account(&mut self, message: &Message, reply: &Delivery) {
        let request = message.at_server.as_deref().map(|arrivals| arrivals.answered_by(reply));
        // Instants of a remote clock can only be compared with each other.
        let here = request.filter(|_| self.remote.is_none());
        let budget = here.and_then(|request| Parts::of(message.scheduled.due, request, reply));
        let latency = reply.released - message.scheduled.due;
        debug_assert!(
            budget.is_none_or(|budget| Budget::from(budget).total() == latency),
            "{message:?} {reply:?}"
        );
        self.note_budget(budget);
        let there = request.and_then(|request| Held::of(&request.delivery));
        let back = Held::of(reply);
        self.outcome.order.note(Held::either(there, back));
        self.outcome.order_by_direction.to_server.note(there);
        self.outcome.order_by_direction.to_client.note(back);
        self.note_stall(Direction::ToClient, reply);
        let id = self.workload.id(message.scheduled.number);
        self.show(|| Sample {
            server: here.map(|request| request.delivery),
            client: Some(*reply),
            budget: budget.map(Budget::from),
            ..message.sample(id, Status::Delivered)
        });
    }

    /// Shows a sample to the sink, if there is one.
    fn show(&mut self, sample: impl FnOnce() -> Sample) {
        if let Some(sink) = &mut self.samples {
            sink(&sample());
        }
    }

    fn note_stall(&mut self, direction: Direction, delivery: &Delivery) {
        if let Some(stall) = self.stalls[direction].note(delivery) {
            self.outcome.order.note_stall(stall);
            self.outcome.order_by_direction[direction].note_stall(stall);
        }
    }
}
