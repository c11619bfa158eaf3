//! One connection: made, asked twice, and left to be closed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{HandshakePlan, Reading};
use crate::{
    channel::{self, Channel, Settings},
    link::Counters,
    path::{Host, timeout},
    unit::{PerDirection, Time},
    wire::{MessageId, Probe},
};

/// How far a connection came, and when. Times run from the instant before it was begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt {
    /// Until a request could be handed over.
    pub(super) connect: Option<Duration>,
    /// Until the first reply.
    pub(super) first: Option<Duration>,
    /// Until the second reply.
    pub(super) second: Option<Duration>,
    /// How long was spent on it.
    pub(super) took: Duration,
    /// What crossed the wire until the first reply.
    pub(super) wire: Option<PerDirection<Counters>>,
    /// What it failed of.
    pub(super) problem: Option<String>,
}

impl Attempt {
    /// A connection that could not even be begun.
    pub(super) fn failed(problem: &str) -> Self {
        Self { problem: Some(problem.to_owned()), ..Self::default() }
    }
}

/// Makes a connection and asks twice, for as long as the plan's patience lasts.
pub(super) async fn attempt(
    host: &Arc<dyn Host>,
    plan: &HandshakePlan,
    (peer, settings): (SocketAddr, &Settings),
    wire: Reading<'_>,
) -> (Attempt, Option<Box<dyn Channel>>) {
    let (mut seen, mut channel) = (Attempt::default(), None);
    let begun = host.now();
    let before = wire();
    let talk = async {
        let channel = channel
            .insert(channel::connect(host, plan.transport, peer, settings).await.map_err(|e| e.to_string())?);
        seen.connect = Some(host.now() - begun);
        seen.first = Some(ask(host, channel, (0, plan.length)).await? - begun);
        seen.wire = before.zip(wire()).map(|(before, now)| now - before);
        seen.second = Some(ask(host, channel, (1, plan.length)).await? - begun);
        Ok::<(), String>(())
    };
    let over = timeout(&**host, plan.timeout, talk).await;
    seen.took = host.now() - begun;
    seen.problem = over.map_err(|elapsed| elapsed.to_string()).and_then(|talk| talk).err();
    (seen, channel)
}

/// Sends request `number`; when its reply was there for the application.
async fn ask(
    host: &Arc<dyn Host>,
    channel: &mut Box<dyn Channel>,
    (number, length): (u64, usize),
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
