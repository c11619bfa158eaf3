//! A client that connects again if its connection does not survive a change of its address.

use std::{
    collections::VecDeque,
    future::Future,
    mem,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    channel::{self, Channel, Delivery, Exchange, Settings, UnitToSend},
    experiment::{migration::ClientChange, settings::CONNECT_TIMEOUT},
    path::{BoxFuture, Host, Sleep, timeout},
    transport::{ChannelError, Recovery, Transport},
    unit::Time,
    wire::Probe,
};

/// A client connects again if a message of the server has been due for this long and nothing has arrived, or for
/// [`ROUND_TRIPS`] times the longest reply time if that is longer. It does not count an outage, in which it knows that it
/// has no network.
pub(in crate::experiment) const SILENCE: Duration = Duration::from_secs(1);
/// The least time for which a client waits, as a multiple of the longest time that a reply has taken.
const ROUND_TRIPS: u32 = 3;
/// Time between an attempt to connect that failed and the next. Without a network, an attempt fails at once.
const PAUSE: Duration = Duration::from_millis(10);

/// What a client connects to.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) host: Arc<dyn Host>,
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    pub(super) settings: Settings,
    /// What the application sends. The settings may add reports of the server to it.
    pub(super) exchange: Exchange,
    /// The round trip of the link after the change, without queues.
    pub(super) round_trip: Duration,
    /// How long the client goes on sending after the change.
    pub(super) remaining: Duration,
}

/// The client's end of a run in which its address changes. After the change it connects again when its connection
/// breaks or is silent. It then sends unanswered requests again, except over datagrams. A call or a game goes on with
/// its next frame or update instead: what was sent or due before would be too late.
pub(super) struct Reconnecting {
    to: Target,
    change: ClientChange,
    state: State,
    /// Requests that must be sent again if the connection breaks, or that wait for it.
    unanswered: VecDeque<Request>,
    /// Since when a message of the server has been due.
    due_since: Option<Time>,
    /// The longest reply time so far, and at least the round trip of the link: a client that waited for less would
    /// give up every connection before the first reply.
    longest: Duration,
    sleep: Sleep,
}

enum State {
    Connected(Box<dyn Channel>),
    Connecting(BoxFuture<'static, Box<dyn Channel>>),
}

/// Why a client makes another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The old one has failed.
    Error,
    /// Nothing came on it for too long.
    Silence,
}

struct Request {
    probe: Probe,
    length: usize,
    was_sent: bool,
}

impl Reconnecting {
    pub(super) fn new(to: Target, change: ClientChange, channel: Box<dyn Channel>) -> Self {
        Self {
            sleep: to.host.sleep_until(Time::ZERO),
            longest: to.round_trip,
            to,
            change,
            state: State::Connected(channel),
            unanswered: VecDeque::new(),
            due_since: None,
        }
    }

    fn has_changed(&self) -> bool {
        self.change.address.has_happened(self.to.host.now())
    }

    /// Closes the connection and makes another.
    fn connect(&mut self, why: Why) {
        self.change.note(|noted| {
            noted.connections += 1;
            noted.after_silence += u64::from(why == Why::Silence);
        });
        let connecting = connect(self.to.clone());
        let before = mem::replace(&mut self.state, State::Connecting(Box::pin(connecting)));
        drop(before);
        self.due_since = None;
        self.abandon_before(Time::MAX);
    }

    /// A call or a game does not send again what was due before `instant`.
    fn abandon_before(&self, instant: Time) {
        if self.to.exchange != Exchange::Answers {
            self.change.note(|noted| noted.abandoned_before = instant);
        }
    }

    /// Whether the server sends something that the client waits for. In a call or a game it sends nothing after the
    /// last frame or update is due.
    fn is_awaited(&self, changed_at: Time) -> bool {
        self.to.exchange == Exchange::Answers || self.to.host.now() <= changed_at + self.to.remaining
    }

    /// Sends the waiting requests on a new connection.
    fn resume(&mut self, mut channel: Box<dyn Channel>) {
        let (mut requests, mut bytes) = (0, 0);
        let mut failed = false;
        for request in &mut self.unanswered {
            if channel.send(request.probe, request.length).is_err() {
                failed = true;
                break;
            }
            if mem::replace(&mut request.was_sent, true) {
                requests += 1;
                bytes += request.length as u64;
            }
        }
        if self.to.transport.is_datagram() {
            self.unanswered.clear();
        }
        self.change.note(|noted| {
            noted.requests += requests;
            noted.bytes += bytes;
        });
        let now = self.to.host.now();
        self.due_since = Some(now);
        // The server may send on the old connection for another round trip.
        self.abandon_before(now + self.to.round_trip);
        self.state = State::Connected(channel);
        if failed {
            self.connect(Why::Error);
        }
    }

    fn note_delivery(&mut self, delivery: &Delivery) {
        self.due_since = None;
        self.longest = self.longest.max(delivery.released - delivery.probe.due);
        let answered = self.unanswered.iter().position(|request| request.probe.id == delivery.probe.id);
        if let Some(index) = answered {
            self.unanswered.remove(index);
        }
    }

    /// Whether a message of the server has been due for too long since the change. If not, wakes `cx` when the wait
    /// ends.
    fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((since, at)) = self.due_since.zip(self.change.address.at()) else { return false };
        if !self.has_changed() || !self.is_awaited(at) {
            return false;
        }
        let patience = SILENCE.max(self.longest.saturating_mul(ROUND_TRIPS));
        let outage = self.change.address.outage();
        self.sleep.reset(since.max(at + outage) + patience);
        Pin::new(&mut self.sleep).poll(cx).is_ready()
    }
}

/// Tries to connect until an attempt succeeds.
async fn connect(Target { host, transport, peer, settings, .. }: Target) -> Box<dyn Channel> {
    loop {
        let connecting = channel::connect(&host, transport, peer, &settings);
        if let Ok(Ok(channel)) = timeout(&*host, CONNECT_TIMEOUT, connecting).await {
            return channel;
        }
        host.sleep(PAUSE).await;
    }
}

impl Channel for Reconnecting {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        self.send_unit(&UnitToSend::single(probe, length))
    }

    fn send_unit(&mut self, unit: &UnitToSend) -> Result<(), ChannelError> {
        let (sent, is_connected) = match &mut self.state {
            State::Connected(channel) => (channel.send_unit(unit), true),
            State::Connecting(_) => (Ok(()), false),
        };
        let was_sent = is_connected && sent.is_ok();
        let is_request = self.to.exchange == Exchange::Answers;
        if is_request && (!was_sent || !self.to.transport.is_datagram()) {
            self.unanswered.push_back(Request { probe: unit.first, length: unit.length, was_sent });
        }
        match sent {
            Ok(()) => _ = self.due_since.get_or_insert(self.to.host.now()),
            Err(_) if self.has_changed() => self.connect(Why::Error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        loop {
            match &mut self.state {
                State::Connected(channel) => match channel.poll_recv(cx) {
                    Poll::Ready(Ok(delivery)) => {
                        self.note_delivery(&delivery);
                        // The server's reports are for this client, and not part of the call.
                        if self.to.exchange != Exchange::OneWay {
                            return Poll::Ready(Ok(delivery));
                        }
                    }
                    Poll::Ready(Err(_)) if self.has_changed() => self.connect(Why::Error),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if self.is_silent(cx) => self.connect(Why::Silence),
                    Poll::Pending => return Poll::Pending,
                },
                State::Connecting(connecting) => match connecting.as_mut().poll(cx) {
                    Poll::Ready(channel) => self.resume(channel),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    fn recovery(&self) -> Recovery {
        match &self.state {
            State::Connected(channel) => channel.recovery(),
            State::Connecting(_) => Recovery::default(),
        }
    }
}
