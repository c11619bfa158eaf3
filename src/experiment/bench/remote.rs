//! A run against a remote server, over a real network.
//!
//! Any echo server works. A `wirelab serve` also reports, in the [extension](crate::wire::extension) of each reply, what
//! was lost on the way to it, how long a message waited for its order, and how long the reply was held. It is recognised by
//! these reports alone.

use std::{future::poll_fn, net::SocketAddr, sync::Arc, time::Duration};

use rand::Rng;

use super::{
    run::{Client, complete},
    settings::settings,
};
use crate::{
    channel::{self, Channel, Settings},
    experiment::{
        error::RunError,
        on_path::on_this_machine,
        plan::Plan,
        record::{observe::SampleSink, outcome::Outcome, recorder::Recorder},
        remote::Remote,
    },
    path::{Host, StopSignal, timeout},
    transport::{ChannelError, ConnectError, Transport, arq::SAFE_DATAGRAM},
    unit::{Time, nanos, random},
    wire::{EXTENDED_HEADER_BYTES, MessageId, Probe},
};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// UDP has no handshake, so up to this many requests test whether a server answers,
const GREETINGS: u64 = 10;
/// each with this time for a reply.
const GREETING_WAIT: Duration = Duration::from_millis(500);
/// Time to send the close of the connection, so that the server need not time out.
const GOODBYE: Duration = Duration::from_millis(20);
/// The flow of a message that belongs to no schedule.
const NO_FLOW: u32 = u32::MAX;

/// Runs `plan` once against `remote` in real time. Ends soon after `stop` is set, with what was measured until then.
///
/// Returns an error if no connection was made or no reply came. A server that goes away later is an outcome, not an
/// error.
pub fn run_remote(
    plan: &Plan,
    remote: &Remote,
    seed: u64,
    samples: Option<SampleSink>,
    stop: &StopSignal,
) -> Result<Outcome, RunError> {
    on_this_machine(stop, async |host| run_against(host, plan, remote, seed, samples, stop).await)
}

/// Runs `plan` once from `host` against `remote`. Returns the errors of [`run_remote`].
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
    let (mut channel, connect) = connect(host, plan.transport, remote, &settings).await?;
    let recorder = Recorder::of_remote(plan.transport, plan.workload.clone(), host.resolution(), samples);
    let run = run_id(&**host, seed);
    let length = plan.workload.length;
    let client = Client {
        host: &**host,
        recorder: &recorder,
        length,
        run: (length >= EXTENDED_HEADER_BYTES).then_some(run),
        stop,
    };
    let broken = client.drive(&mut *channel, &plan.workload, seed, || ()).await;
    let mut outcome = recorder.finish(broken.is_some());
    outcome.remote = true;
    outcome.broken = broken.map(|error| error.to_string());
    outcome.connect = Some(connect);
    outcome.client = channel.recovery();
    outcome.messages.corrupted = outcome.client.corrupted;
    outcome.messages.rejected = outcome.client.rejected.total();
    drop(channel);
    host.sleep(GOODBYE).await;
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

/// A channel to the first address that answers, and how long connecting took.
async fn connect(
    host: &Arc<dyn Host>,
    transport: Transport,
    remote: &Remote,
    settings: &Settings,
) -> Result<(Box<dyn Channel>, Duration), ConnectError> {
    let mut failure = None;
    for &peer in &remote.addresses {
        match connect_to(host, transport, peer, settings).await {
            Ok(connected) => return Ok(connected),
            // The first address is the preferred one, so its error says most.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let none = || ConnectError::NoAddress { url: remote.url.clone() };
    Err(failure.unwrap_or_else(none))
}

async fn connect_to(
    host: &Arc<dyn Host>,
    transport: Transport,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<(Box<dyn Channel>, Duration), ConnectError> {
    let begun = host.now();
    let late = |_| ConnectError::TimedOut { what: "connecting", peer, after: CONNECT_TIMEOUT };
    let connecting = channel::connect(host, transport, peer, settings);
    let mut channel = timeout(&**host, CONNECT_TIMEOUT, connecting).await.map_err(late)??;
    let took = host.now() - begun;
    if !transport.spec().has_handshake {
        greet(&**host, &mut *channel, peer, settings.request).await?;
    }
    Ok((channel, took))
}

/// Waits for a first reply.
async fn greet(
    host: &dyn Host,
    channel: &mut dyn Channel,
    peer: SocketAddr,
    length: usize,
) -> Result<(), ConnectError> {
    let failed =
        |e: ChannelError| ConnectError::Failed { what: "a first exchange", peer, reason: e.to_string() };
    for seq in 0..GREETINGS {
        let greeting = Probe::new(MessageId { flow: NO_FLOW, seq }, Time::ZERO);
        channel.send(greeting, length).map_err(failed)?;
        let first = poll_fn(|cx| channel.poll_recv(cx));
        match timeout(host, GREETING_WAIT, first).await {
            Ok(reply) => return reply.map(drop).map_err(failed),
            Err(_) => continue,
        }
    }
    let after = GREETING_WAIT * GREETINGS as u32;
    Err(ConnectError::TimedOut { what: "a first exchange", peer, after })
}
