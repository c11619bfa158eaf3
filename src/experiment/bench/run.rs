//! One run: one transport, one workload, one seed, between two hosts.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    reconnect::Reconnecting,
    server::{Served, Server},
    settings,
};
use crate::{
    channel::{self, Channel, Delivery, Settings, UnitToSend},
    experiment::{
        application::Application,
        error::RunError,
        migration::{ClientChange, Migration},
        on_path::{Ends, OnPath, Route, on_path},
        plan::Plan,
        record::{
            observe::{Observers, PacketEvent, PacketLog, SampleSink},
            outcome::{Outcome, Usage},
            recorder::Recorder,
            units::Units,
        },
        senders::{Flows, FlowsOutcome},
        settings::{CONNECT_TIMEOUT, has_truth},
        workload::{Scheduled, Workload},
    },
    path::{self, Host, Sleep, StopSignal, Stopped, timeout},
    tap::{Instrument, Tap},
    transport::{ChannelError, ConnectError, LimitedBy, Sessions, Shape},
    unit::{PerDirection, Time, nanos},
    wire::{Extension, Probe, ReportRequest},
};

/// Messages begin this long after the start of a run, or a whole multiple of it where connecting takes longer:
/// every transport meets the link's bad moments at the same place of its schedule.
pub const LEAD: Duration = Duration::from_secs(1);

/// Runs `plan` once on its path. In virtual time the outcome is a pure function of the arguments; on the other paths
/// the run takes as long as the plan says. Observers do not change the outcome. The run ends soon after `stop` is set,
/// with what was measured until then.
///
/// Returns an error if no connection was made, or if the path could not be made, could not complete, or broke;
/// [`RunError::Interrupted`] if nothing was measured.
pub fn run(plan: &Plan, seed: u64, observers: Observers, stop: &StopSignal) -> Result<Outcome, RunError> {
    run_beside(plan, seed, observers, stop, Beside::default()).map(|(outcome, _)| outcome)
}

/// What else goes on in a run.
#[derive(Clone, Copy, Default)]
pub(in crate::experiment) struct Beside<'a> {
    /// Senders beside the messages. They run for the whole run.
    pub(in crate::experiment) background: Option<&'a Flows>,
    /// A change of the client's address, and what measures it.
    pub(in crate::experiment) migration: Option<&'a Migration>,
}

/// Like [`run`], but beside what `beside` has.
pub(in crate::experiment) fn run_beside(
    plan: &Plan,
    seed: u64,
    observers: Observers,
    stop: &StopSignal,
    Beside { background, migration }: Beside<'_>,
) -> Result<(Outcome, Option<FlowsOutcome>), RunError> {
    let Observers { samples, mut packets, wire, recording, follows_losses } = observers;
    let units = Units::of(&plan.workload, seed);
    let mut samples = match &units {
        Some(units) => Some(units.sink(samples)),
        None => samples,
    };
    let tap = |tap: Tap| if follows_losses { tap.following_losses() } else { tap };
    // A tap follows one connection.
    let is_followed = migration.is_none() || plan.transport.survives_new_address();
    let taps = (plan.path.has_link() && is_followed).then(|| Tap::pair().map(tap));
    if let Some(migration) = migration {
        samples = Some(migration.sink(samples));
        packets = Some(migration.packets(packets));
    }
    let mut route_observers = path::Observers::default();
    if let Some(taps) = &taps {
        let ignored = background.map(Flows::ports).unwrap_or_default();
        route_observers.push(Box::new(instrument(plan, taps, packets).ignoring(ignored)));
    }
    if let Some(observer) = wire {
        route_observers.push(observer);
    }
    route_observers.extend(migration.map(Migration::observer));
    recording.observe(&mut route_observers);
    if let Some(background) = background {
        background.observe(&mut route_observers);
    }
    let route = Route {
        limits: settings::limits(&plan.workload),
        observers: route_observers,
        change: migration.map(|migration| migration.change.clone()),
        ..Route::new(plan.path, &plan.links, plan.congestion, seed, stop)
    };
    let settings = settings::settings(plan, plan.path.has_link().then_some(seed))?;
    let of_truth = taps.clone().filter(|_| has_truth(&plan.setup(), follows_losses));
    let mut settings = Settings { taps, ..settings };
    settings.session.record(&recording);
    if migration.is_some() {
        settings.session.client_tls.sessions = Some(Sessions::default());
    }
    let workload = plan.workload.patient_for(plan.path.has_link().then_some(&plan.links));
    let plan = &Plan { workload, ..plan.clone() };
    let OnPath { value, wire, queue, ecn, fidelity } = on_path(route, async |ends, wire| {
        let measuring = || {
            wire.measure_from_now();
            background.into_iter().for_each(|background| background.count_from(ends.client.now()));
        };
        let Some(background) = background else {
            let messages = run_between(ends, plan, &settings, seed, measuring, samples, stop);
            return Ok((messages.await?, None));
        };
        let own = ends.beside_others(plan.congestion);
        let messages = run_between(&own, plan, &settings, seed, measuring, samples, stop);
        let (outcome, flows) = background.run_beside(ends, messages).await?;
        Ok((outcome, Some(flows)))
    })?;
    let (value, flows) = value;
    // Without the packets of the background.
    let wire = flows.as_ref().map_or(wire, |flows| Some(flows.others));
    let truth = of_truth.map(|taps| taps.to_server.truth());
    let judged = units.map(Units::judged).unwrap_or_default();
    let (video, ages) = (judged.video, judged.ages);
    let mut outcome = Outcome { wire, queue, ecn, fidelity, truth, video, ages, ..value };
    if plan.transport.shape() == Shape::Datagrams {
        // The kernel's checksum catches them before the transport could.
        outcome.messages.corrupted += outcome.fidelity.as_ref().and_then(|f| f.corrupted).unwrap_or(0);
    }
    Ok((complete(outcome)?, flows))
}

/// The outcome, if it shows anything.
pub(super) fn complete(outcome: Outcome) -> Result<Outcome, RunError> {
    let is_empty = outcome.interrupted && outcome.messages.scheduled == 0;
    if is_empty { Err(RunError::Interrupted) } else { Ok(outcome) }
}

/// The order instrument of a run of `plan`, which writes `log`.
fn instrument(plan: &Plan, taps: &PerDirection<Tap>, log: Option<PacketLog>) -> Instrument {
    let instrument = Instrument::new(taps);
    // Sockets in virtual time report the transit of a datagram themselves.
    let instrument = if plan.path.is_real_time() { instrument.following_messages() } else { instrument };
    match log {
        Some(mut log) => {
            let plan = plan.clone();
            instrument.watched_by(move |seen| log(PacketEvent::of(seen, &plan)))
        }
        None => instrument,
    }
}

/// Runs the workload of `plan` between two hosts. `measuring` is called when the measured time begins, and `samples` is shown
/// each of its messages. When `stop` is set, no more are sent.
///
/// Returns an error if no connection was made. A connection that breaks later is an outcome, not an error.
pub async fn run_between(
    ends: &Ends,
    plan: &Plan,
    settings: &Settings,
    seed: u64,
    mut measuring: impl FnMut(),
    samples: Option<SampleSink>,
    stop: &StopSignal,
) -> Result<Outcome, RunError> {
    let Plan { transport, workload, .. } = plan;
    let transport = *transport;
    let recorder = Recorder::new(transport, workload.clone(), ends.client.resolution(), samples);
    let acceptor = channel::listen(&ends.server, transport, ends.listen, settings)?;
    let peer = SocketAddr::new(ends.reach, acceptor.local_addr().port());
    let (stop_server, stopped) = oneshot::channel();
    let (report, reported) = oneshot::channel();
    let (begin_server, measured) = oneshot::channel();
    let host = ends.server.clone();
    let change = ends.change.clone();
    let (reply, application) = (settings.reply, workload.clone());
    let server = Server { host, acceptor, reply, workload: application, recorder: recorder.clone(), change };
    ends.server.spawn("the server", Box::pin(server.serve(measured, stopped, report)));

    let host = &*ends.client;
    let begun = host.now();
    let connecting = channel::connect(&ends.client, transport, peer, settings);
    let mut channel = timeout(host, CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|elapsed| ConnectError::TimedOut { what: "connecting", peer, after: elapsed.0 })??;
    let connect = host.now() - begun;
    let change = ends.change.as_ref();
    if let Some(change) = change {
        channel = Box::new(Reconnecting::new(&ends.client, transport, peer, settings, change, channel));
    }

    let client = Client { host, recorder: &recorder, length: settings.request, run: None, change, stop };
    let (mut before, mut used) = (LimitedBy::default(), None);
    let mut begin_server = Some(begin_server);
    let measuring = |channel: &dyn Channel| {
        before = channel.recovery().limits;
        used = host.usage();
        if let Some(begin) = begin_server.take() {
            // Fails if the server's connection broke, because the server then no longer waits for it.
            let _ = begin.send(());
        }
        measuring();
    };
    let broken = client.drive(&mut *channel, workload, seed, measuring).await;
    let mut outcome = recorder.finish(broken.is_some());
    outcome.broken = broken.map(|error| error.to_string());
    outcome.connect = Some(connect);
    outcome.client = channel.recovery();
    outcome.client.limits -= before;
    let client = host.usage().zip(used).map(|(now, before)| now - before);
    // A server whose connection broke has stopped and reported by itself.
    let _ = stop_server.send(());
    let Served { recovery, usage } = reported.await.unwrap_or_default();
    outcome.server = recovery;
    outcome.usage = client.map(|client| Usage { client, server: usage });
    outcome.messages.corrupted = outcome.client.corrupted + outcome.server.corrupted;
    let rejected = outcome.client.rejected.zip(outcome.server.rejected);
    outcome.messages.rejected = rejected.map(|(client, server)| client.total() + server.total());
    Ok(outcome)
}

/// The end that follows the schedule.
pub(in crate::experiment) struct Client<'a> {
    pub(in crate::experiment) host: &'a dyn Host,
    pub(in crate::experiment) recorder: &'a Recorder,
    pub(in crate::experiment) length: usize,
    /// Identifies this run to a remote server; `None` to request no reports from it.
    pub(in crate::experiment) run: Option<u64>,
    /// A change of its address, which it schedules.
    pub(in crate::experiment) change: Option<&'a ClientChange>,
    /// Ends the run early when set.
    pub(in crate::experiment) stop: &'a StopSignal,
}

/// How long an interrupted run waits for the replies that are still due.
const LAST_REPLIES: Duration = Duration::from_millis(400);

enum Event {
    Received(Result<Delivery, ChannelError>),
    Due,
    Stopped,
}

/// What a client waits for besides replies.
struct Alarms {
    sleep: Sleep,
    /// `None` once the run is stopped.
    stopped: Option<Stopped>,
}

impl Client<'_> {
    /// Sends each message when it is due, until all are answered or the wait ends. `measuring` is called when the measured
    /// time begins. Returns what broke the connection, if anything did.
    pub(in crate::experiment) async fn drive(
        &self,
        channel: &mut dyn Channel,
        workload: &Workload,
        seed: u64,
        mut measuring: impl FnMut(&dyn Channel),
    ) -> Option<ChannelError> {
        let start = self.start();
        let schedule = workload.schedule(start, seed);
        let mut begins = Some(schedule.measured_from());
        self.change.into_iter().for_each(|change| change.begin(schedule.measured_from()));
        let mut alarms = Alarms { sleep: self.host.sleep_until(start), stopped: Some(self.stop.stopped()) };
        let mut broken = None;
        for message in schedule {
            if begins.is_some_and(|at| message.due >= at) {
                begins = None;
                measuring(channel);
            }
            if broken.is_none() {
                let received = self.receive_until(channel, &mut alarms, message.due).await;
                if self.stop.is_set() {
                    self.recorder.interrupt();
                    break;
                }
                broken = received.and_then(|()| self.send(channel, workload, message)).err();
            }
            if broken.is_some() {
                self.recorder.not_sent(message);
            }
        }
        if broken.is_none() {
            broken = self.await_outstanding(channel, &mut alarms).await.err();
        }
        broken
    }

    /// The next multiple of [`LEAD`].
    fn start(&self) -> Time {
        let lead = nanos(LEAD);
        Time::from_nanos((self.host.now().as_nanos() / lead + 1) * lead)
    }

    fn send(
        &self,
        channel: &mut dyn Channel,
        workload: &Workload,
        unit: Scheduled,
    ) -> Result<(), ChannelError> {
        let extension = self.run.map(|run| Extension::Request(ReportRequest { run, number: unit.number }));
        let first = Probe { extension, ..Probe::new(self.recorder.id(unit.number), unit.due) };
        match workload.application {
            // The other message of a unit of a game is the server's.
            Application::Messages | Application::Game(_) => channel.send(first, self.length)?,
            Application::Video(_) => channel.send_unit(&UnitToSend {
                first,
                count: unit.count,
                length: self.length,
                useful_until: workload.application.gives_up().map(|after| unit.due + after),
            })?,
        }
        self.recorder.sent(unit, self.host.now());
        Ok(())
    }

    /// Receives replies until `at`, or until the run is stopped.
    async fn receive_until(
        &self,
        channel: &mut dyn Channel,
        alarms: &mut Alarms,
        at: Time,
    ) -> Result<(), ChannelError> {
        alarms.sleep.reset(at);
        loop {
            match next(channel, alarms).await {
                Event::Due | Event::Stopped => return Ok(()),
                Event::Received(delivery) => self.recorder.at_client(&delivery?),
            }
        }
    }

    /// Receives replies until none is outstanding or the wait ends.
    async fn await_outstanding(
        &self,
        channel: &mut dyn Channel,
        alarms: &mut Alarms,
    ) -> Result<(), ChannelError> {
        let sent = self.host.now();
        let mut last = alarms.stopped.is_none().then(|| sent + LAST_REPLIES);
        while let Some(patience) = self.recorder.patience() {
            let until = sent + patience;
            alarms.sleep.reset(last.map_or(until, |last| until.min(last)));
            match next(channel, alarms).await {
                Event::Received(delivery) => self.recorder.at_client(&delivery?),
                Event::Stopped => last = Some(self.host.now() + LAST_REPLIES),
                Event::Due if last.is_none() && self.recorder.patience() > Some(patience) => {}
                Event::Due => {
                    if last.is_some_and(|last| last < until) {
                        self.recorder.interrupt();
                        self.recorder.stop_waiting();
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The first event. A reply that arrives at the very instant of the deadline is in time.
async fn next(channel: &mut dyn Channel, alarms: &mut Alarms) -> Event {
    poll_fn(|cx| {
        if let Poll::Ready(received) = channel.poll_recv(cx) {
            return Poll::Ready(Event::Received(received));
        }
        if let Some(stopped) = &mut alarms.stopped
            && Pin::new(stopped).poll(cx).is_ready()
        {
            alarms.stopped = None;
            return Poll::Ready(Event::Stopped);
        }
        Pin::new(&mut alarms.sleep).poll(cx).map(|()| Event::Due)
    })
    .await
}
