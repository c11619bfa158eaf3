//! Messages over UDP in virtual time, without sockets, tasks and timers.
//!
//! Datagrams that nothing alters need none of them: what happens next is the next event of the link, or the next
//! message of the schedule. A run takes a third of the time, and its outcome is the same.

use std::{collections::VecDeque, time::Duration};

use super::client::{LAST_REPLIES, first_due};
use crate::{
    channel::{Delivery, Entered},
    experiment::{
        application::Application,
        on_path::{OnPath, Route},
        path_kind::PathKind,
        plan::Plan,
        record::{observe::SampleSink, outcome::Outcome, recorder::Recorder},
        workload::{Scheduled, Workload},
    },
    link::{Aqm, Counters, Delivered, Dropped, Event, Link, LinkSpec},
    path::{
        Exit, QueueMeter, StopSignal,
        sim::{InFlight, Period},
    },
    transport::{Transport, UDP_HEADERS},
    unit::{Direction, PerDirection, Time},
    wire::{HEADER_BYTES, MessageId, Probe},
};

/// Whether a run of `plan` needs no sockets, unless something reads its packets or the client's address changes.
pub(super) fn suits(plan: &Plan) -> bool {
    let Workload { application, length, reply_length, .. } = &plan.workload;
    let is_plain = |link: &LinkSpec| {
        let reads_headers = link.uses_ecn() || matches!(link.aqm, Aqm::FqCodel(_));
        !reads_headers && link.corrupt.is_zero() && link.inject.is_zero()
    };
    let fits = |length: usize, link: &LinkSpec| {
        length >= HEADER_BYTES && length + UDP_HEADERS <= usize::from(link.mtu)
    };
    plan.path == PathKind::Sim
        && plan.transport == Transport::UDP
        && *application == Application::Messages
        && plan.links.iter().all(is_plain)
        && fits(*length, &plan.links.to_server)
        && fits(*reply_length, &plan.links.to_client)
}

/// Whether a run of `plan` on `route` needs no sockets.
pub(super) fn applies(plan: &Plan, route: &Route<'_>) -> bool {
    suits(plan) && route.observers.is_empty() && route.change.is_none()
}

/// Runs `plan`, to which [`applies`] applies.
pub(super) fn run(plan: &Plan, seed: u64, samples: Option<SampleSink>, stop: &StopSignal) -> OnPath<Outcome> {
    let workload = plan.patient(None).workload;
    let recorder = Recorder::new(plan.transport, workload.clone(), Duration::ZERO, true, samples);
    let length = PerDirection { to_server: workload.length, to_client: workload.reply_length };
    let mut run = Run {
        links: PerDirection::from_fn(|way| Link::new(plan.links[way].clone(), seed, way)),
        ip_bytes: length.map(|length| length + UDP_HEADERS),
        inboxes: PerDirection::default(),
        in_flight: InFlight::default(),
        queue: QueueMeter::new(&plan.links),
        now: Time::ZERO,
        recorder,
        stop,
    };
    let before = run.follow(&workload, seed);
    let mut outcome = run.recorder.finish(false);
    outcome.connect = Some(Duration::ZERO);
    // Requests that arrived at the last instant are still answered.
    run.answer();
    let (wire, queue) = (run.counters() - before, run.queue.as_ref().map(QueueMeter::delays));
    OnPath { value: outcome, wire: Some(wire), queue, ecn: None, fidelity: None }
}

/// A message on the link.
#[derive(Debug, Clone, Copy)]
struct Datagram {
    id: MessageId,
    due: Time,
    entered: Time,
    period: Period,
}

struct Run<'a> {
    links: PerDirection<Link<Datagram>>,
    /// The size of a packet.
    ip_bytes: PerDirection<usize>,
    /// What has arrived at each end and was not read.
    inboxes: PerDirection<VecDeque<Delivery>>,
    in_flight: InFlight,
    queue: Option<QueueMeter>,
    now: Time,
    recorder: Recorder,
    stop: &'a StopSignal,
}

impl Run<'_> {
    /// Follows the schedule, then waits for outstanding replies. Returns the counters of the link at the beginning of
    /// the measured time.
    fn follow(&mut self, workload: &Workload, seed: u64) -> PerDirection<Counters> {
        let schedule = workload.schedule(first_due(self.now), seed);
        let mut before = self.counters();
        let mut begins = Some(schedule.measured_from());
        let mut last = None;
        for message in schedule {
            if begins.take_if(|at| message.due >= *at).is_some() {
                before = self.counters();
                self.queue.iter().for_each(QueueMeter::restart);
            }
            self.receive_until(message.due);
            if self.stop.is_set() {
                self.recorder.interrupt();
                last = Some(self.now + LAST_REPLIES);
                break;
            }
            self.send_request(message, workload);
        }
        self.await_outstanding(last);
        before
    }

    fn counters(&self) -> PerDirection<Counters> {
        self.links.as_ref().map(Link::counters)
    }

    fn send_request(&mut self, message: Scheduled, workload: &Workload) {
        self.send(Direction::ToServer, workload.id(message.number), message.due);
        let (now, in_flight) = (self.now, &mut self.in_flight);
        self.recorder.sent(message, now, || Some(in_flight.settled_before(now)));
    }

    fn send(&mut self, way: Direction, id: MessageId, due: Time) {
        let datagram = Datagram { id, due, entered: self.now, period: self.in_flight.enter() };
        self.links[way].enqueue(self.now, self.ip_bytes[way], datagram);
    }

    /// Receives replies until `at`, or until the run is stopped.
    fn receive_until(&mut self, at: Time) {
        let mut has_turn = true;
        loop {
            if has_turn {
                while let Some(reply) = self.inboxes.to_client.pop_front() {
                    self.recorder.at_client(&reply);
                }
                if self.now >= at || self.stop.is_set() {
                    return;
                }
            }
            has_turn = self.advance(at);
        }
    }

    /// Receives replies until none is outstanding or the wait ends: at `last` if the run was stopped.
    fn await_outstanding(&mut self, mut last: Option<Time>) {
        let sent = self.now;
        let mut has_turn = true;
        while let Some(patience) = self.recorder.patience() {
            if last.is_none() && self.stop.is_set() {
                last = Some(self.now + LAST_REPLIES);
            }
            let until = sent + patience;
            let alarm = last.map_or(until, |last| until.min(last));
            if has_turn {
                if let Some(reply) = self.inboxes.to_client.pop_front() {
                    self.recorder.at_client(&reply);
                    continue;
                }
                if self.now >= alarm {
                    if last.is_some_and(|last| last < until) {
                        self.recorder.interrupt();
                        self.recorder.stop_waiting();
                    }
                    return;
                }
            }
            has_turn = self.advance(alarm);
        }
    }

    /// Lets the server answer, then moves on to the next arrival, or to `alarm` if that comes first. Returns whether it
    /// is the client's turn: it has its turn before the server.
    fn advance(&mut self, alarm: Time) -> bool {
        self.answer();
        let event = self.links.iter().filter_map(Link::poll_timeout).min();
        let Some(at) = event.filter(|at| *at <= alarm) else {
            self.now = alarm;
            return true;
        };
        self.now = at;
        for way in Direction::BOTH {
            self.arrive(way);
        }
        !self.inboxes.to_client.is_empty()
    }

    /// Takes from the link what has arrived or was lost.
    fn arrive(&mut self, way: Direction) {
        while let Some(event) = self.links[way].poll(self.now) {
            let (datagram, queued, exit) = match event {
                Event::Delivered(Delivered { packet, at, queue, more, .. }) => {
                    let entered = Entered::once(packet.entered, queue.delay);
                    let delivery = Delivery::at_once(Probe::new(packet.id, packet.due), at, Some(entered));
                    self.inboxes[way].push_back(delivery);
                    (packet, queue.delay, Exit::Arrived { intact: true, more })
                }
                Event::Dropped(Dropped { packet, reason, queue, .. }) => {
                    (packet, queue.delay, Exit::Dropped(reason))
                }
            };
            self.queue.iter().for_each(|meter| meter.left(way, queued, exit));
            if !matches!(exit, Exit::Arrived { more: true, .. }) {
                self.in_flight.leave(datagram.period);
            }
        }
    }

    /// The server answers all requests that it has received.
    fn answer(&mut self) {
        while let Some(request) = self.inboxes.to_server.pop_front() {
            self.recorder.at_server(&request, self.now);
            self.send(Direction::ToClient, request.probe.id, request.probe.due);
        }
    }
}
