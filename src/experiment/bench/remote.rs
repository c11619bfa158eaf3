//! A run against a remote server, over a real network.
//!
//! Any echo server works. A `wirelab serve` also reports, in the [extension](crate::wire::extension) of each reply,
//! what was lost on the way to it, how long a message waited for its order, and how long the reply was held. It is
//! recognised by these reports alone.

use std::{future::poll_fn, net::SocketAddr, sync::Arc, time::Duration};

use rand::Rng;

use super::{client::Client, run::complete, settings::settings};
use crate::{
    channel::{self, Channel, Settings},
    experiment::{
        error::RunError,
        on_path::on_this_machine,
        plan::Plan,
        record::{
            observe::{Observers, SampleSink},
            outcome::{Outcome, Usage},
            recorder::Recorder,
        },
        remote::Remote,
    },
    path::{Host, StopSignal, timeout},
    transport::{ConnectError, LimitedBy, Transport, arq::SAFE_DATAGRAM},
    unit::{Time, nanos, random},
    wire::{EXTENDED_HEADER_BYTES, MessageId, Probe},
};

/// UDP has no handshake, so a request that may be lost finds out whether a server answers: this often.
const GREETING_INTERVAL: Duration = Duration::from_millis(500);
/// The flow of a message that belongs to no schedule.
const NO_FLOW: u32 = u32::MAX;

/// Runs `plan` once against `remote` in real time. `observers` see the samples, and the packets of UDP sockets. Ends
/// soon after `stop` is set, with what was measured until then. Returns the errors of [`run_against`].
pub(crate) fn run_remote(
    plan: &Plan,
    remote: &Remote,
    seed: u64,
    observers: Observers,
    stop: &StopSignal,
) -> Result<Outcome, RunError> {
    let Observers { samples, recording, .. } = observers;
    let remote = &remote.recorded(&recording);
    on_this_machine(stop, recording.observers(), async |host| {
        run_against(host, plan, remote, seed, samples, stop).await
    })
}

/// Runs `plan` once from `host` against `remote`.
///
/// Returns an error if no connection was made or no reply came. A server that goes away later is an outcome, not an
/// error.
pub async fn run_against(
    host: &Arc<dyn Host>,
    plan: &Plan,
    remote: &Remote,
    seed: u64,
    samples: Option<SampleSink>,
    stop: &StopSignal,
) -> Result<Outcome, RunError> {
    let mut settings = settings(plan, remote.seed)?;
    settings.session.client_tls = remote.tls.clone();
    settings.session.shared_key = remote.shared_key.clone();
    settings.session.arq.max_datagram = SAFE_DATAGRAM;
    let attempt = |peer| connect(host, plan.transport, peer, &settings);
    let (mut channel, connect) = remote.connect(&**host, attempt).await?;
    let mut workload = plan.workload.clone();
    if let Some(shared) = &remote.deadline {
        let known = match shared.get() {
            Some(known) => Some(*known),
            None => two_round_trips(host, plan.transport, remote, &settings).await,
        };
        workload.deadline = *shared.get_or_init(|| known.unwrap_or(workload.deadline));
    }
    let recorder = Recorder::of_remote(plan.transport, workload.clone(), host.resolution(), samples);
    let run = run_id(&**host, seed);
    let length = plan.workload.length;
    let client = Client {
        host: &**host,
        recorder: &recorder,
        length,
        run: (length >= EXTENDED_HEADER_BYTES).then_some(run),
        change: None,
        stop,
    };
    let (mut before, mut used) = (LimitedBy::default(), None);
    let measuring = |channel: &dyn Channel| {
        before = channel.recovery().limits;
        used = host.usage();
    };
    let broken = client.drive(&mut *channel, &workload, seed, measuring).await;
    let mut outcome = recorder.finish(broken.is_some());
    outcome.remote = true;
    let client = host.usage().zip(used).map(|(now, before)| now - before);
    outcome.usage = client.map(|client| Usage { client, server: None });
    outcome.deadline = remote.deadline.is_some().then_some(workload.deadline);
    outcome.broken = broken.map(|error| error.to_string());
    outcome.connect = Some(connect);
    outcome.client = channel.recovery();
    outcome.client.limits -= before;
    outcome.messages.corrupted = outcome.client.corrupted;
    complete(outcome)
}

/// Tells runs from the same address and port apart.
fn run_id(host: &dyn Host, seed: u64) -> u64 {
    /// Keeps the draw apart from all others.
    const RUNS: u64 = 0x5255_4e53;
    let mut id = [0; 8];
    random::generator(seed ^ nanos(host.unix_time()), RUNS).fill_bytes(&mut id);
    u64::from_le_bytes(id)
}

/// A channel to a server that answers, and how long connecting took.
async fn connect(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<(Box<dyn Channel>, Duration), ConnectError> {
    let begun = host.now();
    let mut channel = channel::connect(host, transport, peer, settings).await?;
    let took = host.now() - begun;
    if !transport.spec().has_handshake {
        greet(&**host, &mut *channel, peer, settings.request).await?;
    }
    Ok((channel, took))
}

/// Twice a round trip, in whole milliseconds; `None` if no reply comes. The connection is one of its own, so that the
/// measured one begins with the measurement.
async fn two_round_trips(
    host: &Arc<dyn Host>,
    transport: Transport,
    remote: &Remote,
    settings: &Settings,
) -> Option<Duration> {
    /// One of them may be lost.
    const DATAGRAMS: u64 = 3;
    let attempt = |peer| connect(host, transport, peer, settings);
    let (mut channel, _) = remote.connect(&**host, attempt).await.ok()?;
    let begun = host.now();
    let requests = if transport.is_datagram() { DATAGRAMS } else { 1 };
    for seq in 0..requests {
        channel.send(Probe::new(MessageId { flow: 0, seq }, begun), settings.request).ok()?;
    }
    let reply = poll_fn(|cx| channel.poll_recv(cx));
    timeout(&**host, remote.timeout, reply).await.ok()?.ok()?;
    let millis = (host.now() - begun).mul_f64(2e3).as_secs_f64().ceil();
    Some(Duration::from_secs_f64(millis / 1e3))
}

/// Sends requests until a reply comes.
async fn greet(
    host: &dyn Host,
    channel: &mut dyn Channel,
    peer: SocketAddr,
    length: usize,
) -> Result<(), ConnectError> {
    const WHAT: &str = "a first exchange";
    let failed = |reason| ConnectError::Failed { what: WHAT, peer, reason };
    for seq in 0.. {
        let greeting = Probe::new(MessageId { flow: NO_FLOW, seq }, Time::ZERO);
        channel.send(greeting, length).map_err(|e| failed(e.to_string()))?;
        match timeout(host, GREETING_INTERVAL, poll_fn(|cx| channel.poll_recv(cx))).await {
            Ok(reply) => return reply.map(drop).map_err(|e| failed(e.to_string())),
            Err(_) if channel.recovery().foreign > 0 => {
                return Err(failed("it answered, but not with what was sent: not an echo".to_owned()));
            }
            Err(_) => {}
        }
    }
    Ok(())
}
