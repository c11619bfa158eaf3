//! One load of a page: connections are made, and objects requested as they become known.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    model::{Object, REQUEST_BYTES},
    plan::{Mode, PagePlan},
};
use crate::{
    channel::{self, Channel, Delivery},
    experiment::connecting::Connector,
    path::Host,
    transport::{ConnectError, Sessions},
    unit::Time,
    wire::{MessageId, Probe},
};

/// The identity of a message: the object, and the place of the message in its answer. The messages of an answer are
/// consecutive, and the first has the identity of the request.
const PLACE_BITS: u32 = 32;

/// The object that a message belongs to.
pub(super) fn object_of(probe: &Probe) -> usize {
    usize::try_from(probe.id.seq >> PLACE_BITS).unwrap_or(usize::MAX)
}

/// The progress of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fetch {
    /// When it became known.
    pub(super) known: Option<Time>,
    /// When its request was handed to a connection.
    pub(super) sent: Option<Time>,
    /// When it began to wait for that connection's handshake.
    pub(super) connecting_from: Option<Time>,
    /// How long it waited for that.
    pub(super) connecting: Duration,
    /// The connection's number in the load.
    pub(super) connection: usize,
    /// When the first message of the answer was complete.
    pub(super) first: Option<Time>,
    /// When the answer was complete.
    pub(super) complete: Option<Time>,
    /// Messages that are missing.
    left: u32,
}

/// A load in progress.
pub(super) struct Load<'a> {
    host: &'a Arc<dyn Host>,
    connector: &'a Connector<'a>,
    plan: &'a PagePlan,
    page: &'a [Object],
    sessions: &'a Sessions,
    pub(super) begun: Time,
    pub(super) fetches: Vec<Fetch>,
    /// Known objects that were not requested yet.
    queue: VecDeque<usize>,
    connections: Vec<Connection>,
}

struct Connection {
    begun: Time,
    connected: Option<Time>,
    state: State,
    /// Requests without a complete answer.
    outstanding: usize,
}

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Channel>, ConnectError>>>>;

enum State {
    Connecting(Connecting),
    Open(Box<dyn Channel>),
}

/// What happened on a connection.
enum Event {
    Connected(Box<dyn Channel>),
    Delivered(Delivery),
}

impl<'a> Load<'a> {
    pub(super) fn new(
        host: &'a Arc<dyn Host>,
        connector: &'a Connector<'a>,
        plan: &'a PagePlan,
        page: &'a [Object],
        sessions: &'a Sessions,
    ) -> Self {
        let fetch = |object: &Object| Fetch {
            known: None,
            sent: None,
            connecting_from: None,
            connecting: Duration::ZERO,
            connection: 0,
            first: None,
            complete: None,
            left: object.pieces,
        };
        let (begun, fetches) = (host.now(), page.iter().map(fetch).collect());
        let (queue, connections) = (VecDeque::new(), Vec::new());
        Self { host, connector, plan, page, sessions, begun, fetches, queue, connections }
    }

    /// Loads the page. Returns an error if a connection fails.
    pub(super) async fn run(&mut self) -> Result<(), String> {
        self.reveal(None, self.begun);
        while self.fetches.iter().any(|fetch| fetch.complete.is_none()) {
            self.dispatch()?;
            let (index, event) = poll_fn(|cx| self.poll_event(cx)).await.map_err(|e| e.to_string())?;
            match event {
                Event::Connected(channel) => {
                    self.connections[index].connected = Some(self.host.now());
                    self.connections[index].state = State::Open(channel);
                }
                Event::Delivered(delivery) => self.take(index, &delivery)?,
            }
        }
        Ok(())
    }

    /// How long the first connection took until it could carry a request.
    pub(super) fn connect_time(&self) -> Option<Duration> {
        let first = self.connections.first()?;
        Some(first.connected? - first.begun)
    }

    /// How many connections were begun.
    pub(super) fn opened(&self) -> usize {
        self.connections.len()
    }

    /// The channels.
    pub(super) fn channels(&self) -> impl Iterator<Item = &dyn Channel> {
        self.connections.iter().filter_map(|connection| match &connection.state {
            State::Open(channel) => Some(&**channel),
            State::Connecting(_) => None,
        })
    }

    /// The channels, to be closed.
    pub(super) fn into_channels(self) -> impl Iterator<Item = Box<dyn Channel>> {
        self.connections.into_iter().filter_map(|connection| match connection.state {
            State::Open(channel) => Some(channel),
            State::Connecting(_) => None,
        })
    }

    /// Makes the objects known that come after this one; `None` for those that are known from the start.
    fn reveal(&mut self, after: Option<usize>, now: Time) {
        for (index, object) in self.page.iter().enumerate() {
            if object.after == after {
                self.fetches[index].known = Some(now);
                self.queue.push_back(index);
            }
        }
    }

    /// Sends requests on free connections. Begins a connection for each request that has to wait, up to the limit.
    fn dispatch(&mut self) -> Result<(), String> {
        while let Some(&object) = self.queue.front()
            && let Some(connection) = self.free()
        {
            self.queue.pop_front();
            self.request(object, connection)?;
        }
        let connecting =
            self.connections.iter().filter(|each| matches!(each.state, State::Connecting(_))).count();
        for _ in connecting..self.queue.len() {
            if self.connections.len() < self.plan.connections as usize {
                self.connect();
            }
        }
        Ok(())
    }

    /// The first connection that can carry another request.
    fn free(&self) -> Option<usize> {
        let carries_all = self.plan.connections == 1;
        self.connections.iter().position(|connection| {
            matches!(connection.state, State::Open(_)) && (carries_all || connection.outstanding == 0)
        })
    }

    fn connect(&mut self) {
        let settings = self.connector.settings(self.sessions, self.plan.mode == Mode::ZeroRtt);
        let (host, transport, peer) = (self.host.clone(), self.plan.transport, self.connector.peer());
        let connecting = async move { channel::connect(&host, transport, peer, &settings).await };
        self.connections.push(Connection {
            begun: self.host.now(),
            connected: None,
            state: State::Connecting(Box::pin(connecting)),
            outstanding: 0,
        });
    }

    fn request(&mut self, object: usize, index: usize) -> Result<(), String> {
        let now = self.host.now();
        let connection = &mut self.connections[index];
        let State::Open(channel) = &mut connection.state else { return Ok(()) };
        let id = MessageId { flow: object as u32 % self.plan.flows, seq: (object as u64) << PLACE_BITS };
        channel.send(Probe::new(id, now), REQUEST_BYTES).map_err(|e| e.to_string())?;
        connection.outstanding += 1;
        let fetch = &mut self.fetches[object];
        let known = fetch.known.unwrap_or(now);
        let connected = connection.connected.unwrap_or(now);
        let from = connection.begun.max(known);
        *fetch = Fetch {
            sent: Some(now),
            connecting_from: Some(from),
            connecting: connected.max(known) - from,
            connection: index,
            ..*fetch
        };
        Ok(())
    }

    /// A message of an answer has arrived.
    fn take(&mut self, index: usize, delivery: &Delivery) -> Result<(), String> {
        let object = object_of(&delivery.probe);
        let fetch = self.fetches.get_mut(object).filter(|fetch| fetch.left > 0);
        let fetch = fetch.ok_or("the server sent a message that was not asked for")?;
        fetch.left -= 1;
        fetch.first.get_or_insert(delivery.released);
        if fetch.left == 0 {
            fetch.complete = Some(delivery.released);
            self.connections[index].outstanding -= 1;
            self.reveal(Some(object), delivery.released);
        }
        Ok(())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<(usize, Event), BrokenConnection>> {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            let event = match &mut connection.state {
                State::Connecting(connecting) => {
                    connecting.as_mut().poll(cx).map(|made| made.map(Event::Connected).map_err(Into::into))
                }
                State::Open(channel) => {
                    channel.poll_recv(cx).map(|received| received.map(Event::Delivered).map_err(Into::into))
                }
            };
            if let Poll::Ready(event) = event {
                return Poll::Ready(event.map(|event| (index, event)));
            }
        }
        Poll::Pending
    }
}

/// Why a load failed.
#[derive(Debug, thiserror::Error)]
enum BrokenConnection {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Channel(#[from] crate::transport::ChannelError),
}
