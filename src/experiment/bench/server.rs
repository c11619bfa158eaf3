//! The server's end of a run.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::{mpsc, oneshot};

use super::updates::OwnUpdates;
use crate::{
    channel::{Acceptor, Channel, Delivery},
    experiment::{migration::ClientChange, record::recorder::Recorder, workload::Workload},
    path::{Host, ThreadUsage},
    transport::{ChannelError, Recovery},
    unit::Time,
    wire::Probe,
};

/// The server's end of a run. It replies to every request as soon as the transport delivers it. The server of a game
/// sends updates of its own instead. That of a video sends nothing, or reports if the client's address changes.
pub(super) struct Server {
    pub(super) host: Arc<dyn Host>,
    pub(super) acceptor: Acceptor,
    pub(super) reply: usize,
    pub(super) workload: Workload,
    pub(super) recorder: Recorder,
    /// Set if the client may connect again.
    pub(super) change: Option<ClientChange>,
}

/// What a server reports when it has finished.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The recovery counters of its last connection.
    pub(super) recovery: Recovery,
    /// What its thread has used since the measured time began; `None` if the path does not report it.
    pub(super) usage: Option<ThreadUsage>,
}

/// The connections of the client, the latest last.
struct Connections {
    channels: Vec<Box<dyn Channel>>,
    /// Later connections; `None` if there are none.
    later: Option<mpsc::UnboundedReceiver<Box<dyn Channel>>>,
}

impl Server {
    /// Serves one client until it closes or `stopped` resolves, then reports.
    /// The times for which something limited the sender count from when `measured` resolves.
    pub(super) async fn serve(
        mut self,
        mut measured: oneshot::Receiver<()>,
        mut stopped: oneshot::Receiver<()>,
        report: oneshot::Sender<Served>,
    ) {
        let Ok(channel) = self.acceptor.accept().await else {
            return;
        };
        let Self { host, acceptor, reply, workload, recorder, change } = self;
        let later = change.is_some().then(|| accept_later(&host, acceptor));
        let mut connections = Connections { channels: vec![channel], later };
        let is_answered = workload.application.is_answered();
        let mut own: Option<OwnUpdates> = None;
        let mut own_due = host.sleep_until(Time::MAX);
        let mut before = None;
        loop {
            let received = tokio::select! {
                biased;
                () = &mut own_due, if own.is_some() => {
                    let Some(updates) = &mut own else { continue };
                    if connections.send_own(updates.take(), reply).is_err() {
                        break;
                    }
                    own_due.reset(updates.due());
                    continue;
                }
                _ = &mut measured, if before.is_none() => {
                    before = Some((connections.recovery().limits, host.usage()));
                    continue;
                }
                received = connections.recv() => received,
                _ = &mut stopped => break,
            };
            let Ok((index, delivery)) = received else { break };
            let is_repeated = recorder.at_server(&delivery, host.now());
            if !is_answered {
                if own.is_none() {
                    let first = &delivery.probe;
                    own = OwnUpdates::after(&workload, first, host.now(), change.is_some());
                    own.iter().for_each(|own| recorder.server_begins(own.next_id()));
                    own_due.reset(own.as_ref().map_or(Time::MAX, OwnUpdates::due));
                }
                continue;
            }
            if let Some(change) = change.as_ref().filter(|_| is_repeated && index > 0) {
                change.note(|noted| noted.bytes += reply as u64);
            }
            if connections.send(index, &delivery, reply).is_err() {
                break;
            }
        }
        let mut recovery = connections.recovery();
        let (limits, used) = before.unwrap_or_default();
        recovery.limits -= limits;
        let usage = host.usage().zip(used).map(|(now, before)| now - before);
        // If the client's connection failed, nothing receives this.
        let _ = report.send(Served { recovery, usage });
    }
}

/// Accepts further connections in the background, until their receiver is dropped.
fn accept_later(host: &Arc<dyn Host>, mut acceptor: Acceptor) -> mpsc::UnboundedReceiver<Box<dyn Channel>> {
    let (accepted, later) = mpsc::unbounded_channel();
    host.spawn(
        "the acceptor",
        Box::pin(async move {
            loop {
                let channel = tokio::select! {
                    biased;
                    () = accepted.closed() => return,
                    channel = acceptor.accept() => channel,
                };
                let Ok(channel) = channel else { return };
                if accepted.send(channel).is_err() {
                    return;
                }
            }
        }),
    );
    later
}

impl Connections {
    /// The next message, and the connection that it came on. Returns an error once the last connection has broken.
    async fn recv(&mut self) -> Result<(usize, Delivery), ChannelError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<(usize, Delivery), ChannelError>> {
        while let Some(Poll::Ready(Some(channel))) = self.later.as_mut().map(|later| later.poll_recv(cx)) {
            self.channels.push(channel);
        }
        for (index, channel) in self.channels.iter_mut().enumerate() {
            match channel.poll_recv(cx) {
                Poll::Ready(Ok(delivery)) => return Poll::Ready(Ok((index, delivery))),
                Poll::Ready(Err(error)) if self.later.is_none() => return Poll::Ready(Err(error)),
                Poll::Ready(Err(_)) | Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    /// Replies on the connection of the request. Ignores errors if the client may connect again.
    fn send(&mut self, index: usize, request: &Delivery, length: usize) -> Result<(), ChannelError> {
        match self.channels[index].send(request.probe, length) {
            Err(_) if self.later.is_some() => Ok(()),
            sent => sent,
        }
    }

    /// Sends a message that is not a reply, on the latest connection. Ignores errors like [`Connections::send`].
    fn send_own(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        match self.channels.last_mut().map_or(Ok(()), |channel| channel.send(probe, length)) {
            Err(_) if self.later.is_some() => Ok(()),
            sent => sent,
        }
    }

    fn recovery(&self) -> Recovery {
        self.channels.last().map_or_else(Recovery::default, |channel| channel.recovery())
    }
}
