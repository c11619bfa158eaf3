//! The state of every message of a run.
//!
//! Only messages under way are held; what is settled goes into histograms and counters at once, so that
//! memory does not grow with the length of a run.

mod server_reports;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::server_reports::ServerReports;
use crate::{
    channel::Delivery,
    experiment::{
        record::{
            at_server::AtServer,
            blocking::{Held, StallTracker},
            budget::Budget,
            network::NetworkTracker,
            observe::{Sample, SampleSink, Status},
            outcome::Outcome,
        },
        workload::{Scheduled, Workload},
    },
    stats::{Arrival, Sequence},
    transport::Transport,
    unit::{Direction, PerDirection, Time, nanos},
    wire::{Extension, MessageId},
};

/// The record of one run, shared by its two ends.
#[derive(Clone)]
pub(in crate::experiment) struct Recorder(Arc<Mutex<State>>);

struct State {
    workload: Workload,
    /// See [`Host::resolution`](crate::path::Host::resolution).
    resolution: Duration,
    /// Whether a message that stays away is lost, or only not finished yet.
    datagrams: bool,
    /// Messages under way, and those settled that were scheduled behind them.
    under_way: VecDeque<Message>,
    /// The number of the first of them.
    first: u64,
    outstanding: u64,
    /// The first number that has not come back: anything below it that comes later was overtaken.
    next_expected: u64,
    longest: Option<Duration>,
    stopped_waiting: bool,
    stalls: PerDirection<StallTracker>,
    /// Requests at a server that is ours.
    requests: Sequence,
    /// What a server elsewhere has reported; `None` where the server is part of the run.
    remote: Option<ServerReports>,
    network: NetworkTracker,
    outcome: Outcome,
    samples: Option<SampleSink>,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    scheduled: Scheduled,
    sent: Time,
    /// A wire makes at most one copy of a datagram, and the server answers both.
    at_server: [Option<AtServer>; 2],
    /// The place of the first of them among all requests there.
    arrival: Option<Arrival>,
    /// Whether it reached a server elsewhere; `None` if that has not been reported.
    reached: Option<bool>,
    settled: bool,
}

impl Message {
    fn new(scheduled: Scheduled, sent: Time) -> Self {
        let at_server = [None; 2];
        Self { scheduled, sent, at_server, arrival: None, reached: None, settled: false }
    }

    /// The request that `reply` answers: the last that was answered before the reply was on its way.
    fn answered_by(&self, reply: &Delivery) -> Option<AtServer> {
        let [first, second] = self.at_server;
        let entered = reply.entered.map(|entered| entered.first);
        second.filter(|second| entered.is_some_and(|entered| second.replied <= entered)).or(first)
    }

    /// What is known of a message that has not come back.
    fn sample(&self, id: MessageId, status: Status) -> Sample {
        Sample {
            id,
            due: self.scheduled.due,
            sent: Some(self.sent),
            server: self.at_server[0].map(|at_server| at_server.delivery),
            client: None,
            budget: None,
            status,
        }
    }
}

impl Recorder {
    pub(in crate::experiment) fn new(
        transport: Transport,
        workload: Workload,
        resolution: Duration,
        samples: Option<SampleSink>,
    ) -> Self {
        Self(Arc::new(Mutex::new(State {
            workload,
            resolution,
            datagrams: transport.is_datagram(),
            under_way: VecDeque::new(),
            first: 0,
            outstanding: 0,
            next_expected: 0,
            longest: None,
            stopped_waiting: false,
            stalls: Default::default(),
            requests: Sequence::default(),
            remote: None,
            network: NetworkTracker::default(),
            outcome: Outcome::default(),
            samples,
        })))
    }

    /// The same, where the server is elsewhere.
    pub(in crate::experiment) fn of_remote(
        transport: Transport,
        workload: Workload,
        resolution: Duration,
        samples: Option<SampleSink>,
    ) -> Self {
        let recorder = Self::new(transport, workload, resolution, samples);
        recorder.lock().remote = Some(ServerReports::default());
        recorder
    }

    /// A message was handed to the transport at `now`.
    pub(in crate::experiment) fn sent(&self, scheduled: Scheduled, now: Time) {
        let mut state = self.lock();
        state.give_up_on_old(now);
        state.under_way.push_back(Message::new(scheduled, now));
        state.outstanding += 1;
        if scheduled.measured {
            state.outcome.messages.scheduled += 1;
            state.outcome.messages.sent += 1;
            state.outcome.send_delay.record(nanos(now - scheduled.due));
        }
    }

    /// A message was due, but the connection it should have gone on was lost.
    pub(in crate::experiment) fn not_sent(&self, scheduled: Scheduled) {
        if scheduled.measured {
            let mut state = self.lock();
            state.outcome.messages.scheduled += 1;
            state.outcome.messages.unfinished += 1;
            let id = state.workload.id(scheduled.number);
            let unsent = Message::new(scheduled, scheduled.due);
            state.show(Sample { sent: None, ..unsent.sample(id, Status::Unfinished) });
        }
    }

    /// A request reached the server, which handed over the reply at `replied`.
    pub(in crate::experiment) fn at_server(&self, delivery: &Delivery, replied: Time) {
        let mut state = self.lock();
        let delivery = &delivery.resolved(state.resolution);
        let number = state.workload.number(delivery.probe.id);
        let arrival = state.requests.note(number);
        let Some(message) = state.message(number) else {
            return;
        };
        message.arrival.get_or_insert(arrival);
        let at_server = AtServer { delivery: *delivery, replied };
        if let Some(free) = message.at_server.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(at_server);
        }
        if message.scheduled.measured {
            state.note_stall(Direction::ToServer, delivery);
        }
    }

    /// A reply reached the client.
    pub(in crate::experiment) fn at_client(&self, delivery: &Delivery) {
        let mut state = self.lock();
        let delivery = &delivery.resolved(state.resolution);
        let number = state.workload.number(delivery.probe.id);
        if let Some(Extension::Report(report)) = delivery.probe.extension {
            state.on_server_report(number, delivery, &report);
        }
        let Some(message) = state.message(number) else {
            return;
        };
        let settled = std::mem::replace(&mut message.settled, true);
        let message = *message;
        let scheduled = message.scheduled;
        if settled {
            if scheduled.measured {
                state.outcome.messages.duplicated += 1;
            }
            return;
        }
        state.outstanding -= 1;
        let latency = delivery.released - scheduled.due;
        state.longest = state.longest.max(Some(latency));
        let overtaken = number < state.next_expected;
        state.next_expected = state.next_expected.max(number + 1);
        state.note_network(number, &message, delivery);
        if scheduled.measured {
            let deadline = state.workload.deadline;
            let messages = &mut state.outcome.messages;
            messages.delivered += 1;
            messages.on_time += u64::from(latency <= deadline);
            messages.reordered += u64::from(overtaken);
            state.outcome.latency.record(nanos(latency));
            state.account(&message, delivery);
        }
        state.forget_settled();
    }

    /// How long to wait after the last message for those still outstanding, if any are.
    pub(in crate::experiment) fn patience(&self) -> Option<Duration> {
        let state = self.lock();
        (state.outstanding > 0).then(|| state.workload.wait.after(state.longest))
    }

    /// The run was ended from outside.
    pub(in crate::experiment) fn interrupt(&self) {
        self.lock().outcome.interrupted = true;
    }

    /// Replies that are still due are not waited for as long as patience lasts, so what is outstanding is not lost.
    pub(in crate::experiment) fn stop_waiting(&self) {
        self.lock().stopped_waiting = true;
    }

    /// Which message has this number.
    pub(in crate::experiment) fn id(&self, number: u64) -> MessageId {
        self.lock().workload.id(number)
    }

    /// Ends the record: what has not come back by now will not.
    pub(in crate::experiment) fn finish(&self) -> Outcome {
        let mut state = self.lock();
        while let Some(message) = state.under_way.pop_front() {
            state.give_up(message);
        }
        std::mem::take(&mut state.outcome)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn message(&mut self, number: u64) -> Option<&mut Message> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.under_way.get_mut(index)
    }

    /// Where the time of a delivered message went.
    fn account(&mut self, message: &Message, reply: &Delivery) {
        let request = message.answered_by(reply);
        // Instants of a clock elsewhere are good for durations of their own only.
        let here = request.filter(|_| self.remote.is_none());
        let budget = here.and_then(|request| Budget::of(message.scheduled.due, &request, reply));
        if let Some(budget) = &budget {
            debug_assert_eq!(budget.total(), reply.released - message.scheduled.due, "{message:?} {reply:?}");
            self.outcome.budget.add(budget);
            if budget.extra() > self.resolution {
                self.outcome.extra.record(nanos(budget.extra()));
            }
        }
        let there = request.and_then(|request| Held::of(&request.delivery));
        let back = Held::of(reply);
        self.outcome.order.note(Held::either(there, back));
        self.outcome.order_by_direction.to_server.note(there);
        self.outcome.order_by_direction.to_client.note(back);
        self.note_stall(Direction::ToClient, reply);
        let id = self.workload.id(message.scheduled.number);
        self.show(Sample {
            server: here.map(|request| request.delivery),
            client: Some(*reply),
            budget,
            ..message.sample(id, Status::Delivered)
        });
    }

    fn show(&mut self, sample: Sample) {
        if let Some(sink) = &mut self.samples {
            sink(&sample);
        }
    }

    fn note_stall(&mut self, direction: Direction, delivery: &Delivery) {
        if let Some(stall) = self.stalls[direction].note(delivery) {
            self.outcome.order.note_stall(stall);
            self.outcome.order_by_direction[direction].note_stall(stall);
        }
    }

    fn forget_settled(&mut self) {
        while self.under_way.front().is_some_and(|message| message.settled && !self.datagrams) {
            self.under_way.pop_front();
            self.first += 1;
        }
    }

    /// A datagram that is not back after the longest wait there is counts as lost, in the middle of a run as at
    /// its end. Settled ones stay as long, so that a duplicate is known for one.
    fn give_up_on_old(&mut self, now: Time) {
        if !self.datagrams {
            return;
        }
        let patience = self.workload.wait.most;
        while let Some(&message) = self.under_way.front() {
            if now.since(message.scheduled.due) <= patience {
                return;
            }
            self.under_way.pop_front();
            self.first += 1;
            self.give_up(message);
        }
    }

    fn give_up(&mut self, message: Message) {
        if message.settled {
            return;
        }
        self.outstanding -= 1;
        if message.scheduled.measured {
            let status = if self.datagrams && !self.stopped_waiting {
                self.outcome.messages.lost += 1;
                self.note_lost(&message);
                Status::Lost
            } else {
                self.outcome.messages.unfinished += 1;
                Status::Unfinished
            };
            let id = self.workload.id(message.scheduled.number);
            self.show(message.sample(id, status));
        }
    }
}
