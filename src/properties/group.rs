//! One message to several receivers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    Answer, Row,
    ends::{PAUSE, connect, over},
};
use crate::{
    channel::{self, Acceptor},
    experiment::{Ends, Plan, RunError, end_settings},
    path::Observers,
    wire::{MessageId, Probe},
};

pub(super) const RECEIVERS: Row = Row {
    claim: "one sender to many receivers",
    how: "Three servers join a multicast group, and a client sends one message to it. Counted: the servers that it \
          reaches.",
    measure: |subject| {
        let (reached, problem) = over(subject, Observers::default(), async |ends, plan| {
            let reached = Arc::<AtomicUsize>::default();
            let problem = send_to_group(ends, plan, &reached).await?;
            Ok((reached.load(Ordering::Relaxed), problem))
        })?;
        let value = if reached > 1 { format!("yes, {reached} of {SERVERS}") } else { "no".to_owned() };
        let problem = problem.map(|problem| format!(": {problem}")).unwrap_or_default();
        Ok(Answer::new(value, format!("one message reached {reached} of {SERVERS} servers{problem}")))
    },
};

const SERVERS: usize = 3;
/// A group in the range for use within a site (RFC 2365).
const GROUP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(239, 255, 87, 76)), 7000);

/// Sends one message to the group and counts the servers that it reaches. Returns the reason if nothing was sent.
async fn send_to_group(
    ends: &Ends,
    plan: &Plan,
    reached: &Arc<AtomicUsize>,
) -> Result<Option<String>, RunError> {
    for _ in 0..SERVERS {
        // Each server has its own settings, so that servers share no state, as on separate machines.
        match channel::listen(&ends.server, plan.transport, GROUP, &end_settings(plan, Some(1))?) {
            Ok(server) => ends.server.spawn("a receiver", Box::pin(receive(server, reached.clone()))),
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
    let mut client = match connect(ends, plan, &end_settings(plan, Some(1))?, GROUP).await {
        Ok(client) => client,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let probe = Probe::new(MessageId { flow: 0, seq: 0 }, ends.client.now());
    let sent = client.send(probe, plan.workload.length);
    ends.client.sleep(PAUSE).await;
    Ok(sent.err().map(|error| error.to_string()))
}

/// Increments `reached` once `server` has received a message.
async fn receive(mut server: Acceptor, reached: Arc<AtomicUsize>) {
    if let Ok(mut client) = server.accept().await
        && client.recv().await.is_ok()
    {
        reached.fetch_add(1, Ordering::Relaxed);
    }
}
