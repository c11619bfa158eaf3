//! One connection: a handshake and two requests. The caller closes it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::HandshakePlan;
use crate::{
    channel::{self, Channel, Settings},
    experiment::connecting::Reading,
    link::Counters,
    path::{Host, timeout},
    unit::{PerDirection, Time},
    wire::{MessageId, Probe},
};

/// How far a connection came, and when. Times start before the handshake.
#[derive(Debug, Clone, Default)]
pub(in crate::experiment) struct Attempt {
    /// Until a request could be sent.
    pub(super) connect: Option<Duration>,
    /// Until the first reply.
    pub(super) first: Option<Duration>,
    /// Until the second reply.
    pub(super) second: Option<Duration>,
    /// The duration of the attempt.
    pub(super) took: Duration,
    /// Packets on the wire until the first reply.
    pub(super) wire: Option<PerDirection<Counters>>,
    /// Why it failed.
    pub(in crate::experiment) problem: Option<String>,
}

impl Attempt {
    /// A connection that could not be started, which was known after it `took` so long.
    pub(super) fn failed(problem: &str, took: Duration) -> Self {
        Self { problem: Some(problem.to_owned()), took, ..Self::default() }
    }
}

/// Makes a connection and sends two requests, within the timeout of the plan.
pub(in crate::experiment) async fn attempt(
    host: &Arc<dyn Host>,
    plan: &HandshakePlan,
    peer: SocketAddr,
    settings: &Settings,
    counters: Reading<'_>,
) -> (Attempt, Option<Box<dyn Channel>>) {
    let (mut seen, mut channel) = (Attempt::default(), None);
    let (begun, before) = (host.now(), counters());
    let talk = async {
        let channel = channel
            .insert(channel::connect(host, plan.transport, peer, settings).await.map_err(|e| e.to_string())?);
        channel.close_counters();
        seen.connect = Some(host.now() - begun);
        seen.first = Some(ask(host, channel, 0, plan.length).await? - begun);
        seen.wire = before.zip(counters()).map(|(before, now)| now - before);
        seen.second = Some(ask(host, channel, 1, plan.length).await? - begun);
        Ok::<(), String>(())
    };
    let over = timeout(&**host, plan.timeout, talk).await;
    seen.took = host.now() - begun;
    seen.problem = over.map_err(|elapsed| elapsed.to_string()).and_then(|talk| talk).err();
    (seen, channel)
}

/// Sends request `number`, and returns when the application could read the reply.
pub(in crate::experiment) async fn ask(
    host: &Arc<dyn Host>,
    channel: &mut Box<dyn Channel>,
    number: u64,
    length: usize,
) -> Result<Time, String> {
    let id = MessageId { flow: 0, seq: number };
    channel.send(Probe::new(id, host.now()), length).map_err(|e| e.to_string())?;
    loop {
        let delivery = channel.recv().await.map_err(|e| e.to_string())?;
        if delivery.probe.id == id {
            return Ok(host.now());
        }
    }
}
