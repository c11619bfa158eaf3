//! One run: one transport, one workload, one seed, between two hosts.

use std::{net::SocketAddr, time::Duration};

use tokio::sync::oneshot;

use super::{
    client::Client,
    reconnect::{Reconnecting, Target},
    server::{Served, Server},
    settings,
    updates::REPORT_BYTES,
    without_sockets,
};
use crate::{
    capture::Recording,
    channel::{self, Channel, Exchange, Settings},
    experiment::{
        error::RunError,
        migration::Migration,
        on_path::{Ends, OnPath, Route, on_path},
        plan::Plan,
        record::{
            observe::{Layout, Observers, PacketEvent, PacketLog, SampleSink},
            outcome::{Outcome, Usage},
            recorder::Recorder,
            units::{Judged, Units},
        },
        senders::{Flows, FlowsOutcome},
        settings::{CONNECT_TIMEOUT, has_truth},
    },
    path::{self, Handover, StopSignal, timeout},
    tap::{Instrument, Tap},
    transport::{ConnectError, LimitedBy, Sessions, Shape},
    unit::PerDirection,
};

/// Runs `plan` once on its path. In virtual time the outcome is a pure function of the arguments; on the other paths
/// the run takes as long as the plan says. Observers do not change the outcome. The run ends soon after `stop` is set,
/// with what was measured until then.
///
/// Returns an error if no connection was made, or if the path could not be made, could not complete, or broke;
/// [`RunError::Interrupted`] if nothing was measured.
pub fn run(plan: &Plan, seed: u64, observers: Observers, stop: &StopSignal) -> Result<Outcome, RunError> {
    run_beside(plan, seed, observers, stop, Beside::default()).map(|(outcome, _)| outcome)
}

/// What a run has besides its messages.
#[derive(Clone, Copy, Default)]
pub(in crate::experiment) struct Beside<'a> {
    /// Senders beside the messages. They run for the whole run.
    pub(in crate::experiment) background: Option<&'a Flows>,
    /// A change of the client's address, and what measures it.
    pub(in crate::experiment) migration: Option<&'a Migration>,
}

/// Like [`run`], with what `beside` adds.
pub(in crate::experiment) fn run_beside(
    plan: &Plan,
    seed: u64,
    observers: Observers,
    stop: &StopSignal,
    beside: Beside<'_>,
) -> Result<(Outcome, Option<FlowsOutcome>), RunError> {
    let Beside { background, migration } = beside;
    let Observers { samples, mut packets, wire, recording, follows_losses } = observers;
    let units = Units::of(&plan.workload, seed);
    let mut samples = match &units {
        Some(units) => Some(units.sink(samples)),
        None => samples,
    };
    let tap = |tap: Tap| if follows_losses { tap.following_losses() } else { tap };
    // A tap can follow one connection only.
    let is_followed = migration.is_none() || plan.transport.survives_new_address();
    let has_truth = has_truth(&plan.setup(), follows_losses);
    if let Some(migration) = migration {
        samples = Some(migration.sink(samples));
        packets = Some(migration.packets(packets));
    }
    let is_needed = packets.is_some() || has_truth || !reports_transit(plan);
    let taps = (plan.path.has_link() && is_followed && is_needed)
        .then(|| Tap::pair_for(!plan.path.is_real_time()).map(tap));
    if packets.is_none() && !has_truth {
        taps.iter().for_each(|taps| taps.to_server.ignore_losses());
    }
    let order = taps.as_ref().map(|taps| instrument(plan, taps, packets, seed));
    let route = Route {
        limits: settings::limits(&plan.workload),
        observers: packet_observers(order, wire, &recording, beside),
        change: migration.map(|migration| migration.change.clone()),
        ..Route::new(plan.path, &plan.links, plan.congestion, seed, stop)
    };
    if background.is_none() && without_sockets::applies(plan, &route) {
        let OnPath { value, wire, queue, .. } = without_sockets::run(plan, seed, samples, stop);
        return Ok((complete(Outcome { wire, queue, ..value })?, None));
    }
    let of_truth = taps.clone().filter(|_| has_truth);
    let mut settings = Settings { taps, ..settings::settings(plan, plan.path.has_link().then_some(seed))? };
    settings.session.record(&recording);
    if migration.is_some() {
        settings.session.client_tls.sessions = Some(Sessions::default());
        if settings.exchange == Exchange::OneWay {
            (settings.exchange, settings.reply) = (Exchange::BothWays, REPORT_BYTES);
        }
    }
    let handover = migration.and_then(|migration| migration.change.address.handover());
    let plan = &plan.patient(handover);
    let OnPath { value: (value, flows), wire, queue, ecn, fidelity } = on_path(route, async |ends, wire| {
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
    // Without the packets of the background.
    let wire = flows.as_ref().map_or(wire, |flows| Some(flows.others));
    let truth = of_truth.map(|taps| taps.to_server.truth());
    let Judged { video, ages } = units.map(Units::judged).unwrap_or_default();
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

/// Everything that observes the packets of a run.
fn packet_observers(
    order: Option<Instrument>,
    wire: Option<Box<dyn path::Observer>>,
    recording: &Recording,
    Beside { background, migration }: Beside<'_>,
) -> path::Observers {
    let mut observers = path::Observers::default();
    if let Some(order) = order {
        observers.push(Box::new(order.ignoring(background.map(Flows::ports).unwrap_or_default())));
    }
    observers.extend(wire);
    observers.extend(migration.map(Migration::observer));
    recording.observe(&mut observers);
    if let Some(background) = background {
        background.observe(&mut observers);
    }
    observers
}

/// Whether the sockets themselves report how each message crossed the link: in virtual time, if it is a datagram.
fn reports_transit(plan: &Plan) -> bool {
    plan.transport.shape() == Shape::Datagrams && !plan.path.is_real_time()
}

/// The order instrument of a run of `plan`, which writes `log`.
fn instrument(plan: &Plan, taps: &PerDirection<Tap>, log: Option<PacketLog>, seed: u64) -> Instrument {
    let instrument = Instrument::new(taps);
    let instrument = if plan.path.is_real_time() { instrument.following_messages() } else { instrument };
    match log {
        Some(mut log) => {
            let (plan, layout) = (plan.clone(), Layout::of(plan, seed));
            instrument.watched_by(move |seen| log(PacketEvent::of(seen, &plan, layout.as_ref())))
        }
        None => instrument,
    }
}

/// Runs the workload of `plan` between two hosts. `measuring` is called when the measured time begins, and `samples` is
/// shown each of its messages. When `stop` is set, no more are sent.
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
    let (resolution, one_thread) = (ends.client.resolution(), ends.client.is_one_thread());
    let recorder = Recorder::new(transport, workload.clone(), resolution, one_thread, samples);
    let handover = ends.change.as_ref().and_then(|change| change.address.handover());
    handover.into_iter().for_each(|handover| recorder.expect(handover.round_trip()));
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

    let (mut channel, connect) = connect(ends, plan, peer, settings).await?;
    let (host, change) = (&*ends.client, ends.change.as_ref());
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
    change.into_iter().for_each(|change| recorder.abandon(change.reconnections().abandoned_before));
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

/// Connects the client. Returns its end and how long that took.
async fn connect(
    ends: &Ends,
    plan: &Plan,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<(Box<dyn Channel>, Duration), ConnectError> {
    let transport = plan.transport;
    let begun = ends.client.now();
    let connecting = channel::connect(&ends.client, transport, peer, settings);
    let channel = timeout(&*ends.client, CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|elapsed| ConnectError::TimedOut { what: "connecting", peer, after: elapsed.0 })??;
    let took = ends.client.now() - begun;
    let Some(change) = &ends.change else { return Ok((channel, took)) };
    let (host, change) = (ends.client.clone(), change.clone());
    let exchange = plan.workload.application.exchange();
    let own = || plan.links.iter().map(|link| link.delay).sum();
    let round_trip = change.address.handover().map_or_else(own, Handover::round_trip);
    let remaining = plan.workload.duration.saturating_sub(change.after());
    let to = Target { host, transport, peer, settings: settings.clone(), exchange, round_trip, remaining };
    Ok((Box::new(Reconnecting::new(to, change, channel)), took))
}
