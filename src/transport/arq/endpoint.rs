//! One end of a connection, shared by its owner and the tasks that drive it.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use tokio::sync::Notify;

use super::{
    ArqError,
    trace::{Followers, Trace},
};
use crate::{
    arq::{Connection, Event, Message, Stats},
    path::{DatagramError, Datagrams, Host, Side},
    tap::Tap,
    unit::{Mutex, Time},
};

pub(super) struct Endpoint {
    pub(super) host: Arc<dyn Host>,
    pub(super) socket: Arc<dyn Datagrams>,
    pub(super) peer: SocketAddr,
    /// The local address that the peer spoke to, where the socket has several.
    pub(super) from: Option<IpAddr>,
    pub(super) state: Mutex<State>,
    /// Wakes the driver.
    changed: Notify,
}

pub(super) struct State {
    pub(super) connection: Connection,
    /// Datagrams that the socket had no room for.
    unsent: VecDeque<Vec<u8>>,
    trace: Trace,
    is_client: bool,
    /// This end will send no more messages.
    pub(super) closing: bool,
    pub(super) connected: bool,
    /// The peer will send no more messages, and all of them have arrived.
    pub(super) finished: bool,
    /// How it ended, if it has.
    pub(super) end: Option<Result<(), ArqError>>,
    /// When the driver wakes up at the latest.
    armed: Option<Time>,
    waiting: Vec<Waker>,
}

impl State {
    /// Wakes `cx` at the next change.
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        if !self.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
    }

    pub(super) fn tap(&self) -> Option<&Tap> {
        self.trace.tap()
    }

    fn report(&mut self, now: Time) {
        self.trace.report(&mut self.connection, now);
    }

    fn fail(&mut self, error: &DatagramError) {
        self.end.get_or_insert(Err(ArqError::Socket(error.to_string())));
    }

    /// Whether no more events will come.
    fn is_over(&self) -> bool {
        self.connection.is_drained() || matches!(self.end, Some(Err(ArqError::Socket(_))))
    }

    /// Handles the connection's events. Returns whether there were any.
    fn handle_events(&mut self, now: Time) -> bool {
        let mut handled = false;
        while let Some(event) = self.connection.poll_event() {
            handled = true;
            self.trace.event(&event, now);
            match event {
                Event::Connected => self.connected = true,
                Event::Finished => {
                    self.finished = true;
                    // A client has nothing left to send to a server that has finished.
                    if self.is_client {
                        self.closing = true;
                        self.connection.close(now);
                    }
                }
                Event::Closed(error) => {
                    self.end.get_or_insert(error.map_or(Ok(()), |e| Err(e.into())));
                }
                Event::Writable => {}
            }
        }
        handled
    }

    fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

impl Endpoint {
    pub(super) fn new(
        host: &Arc<dyn Host>,
        socket: Arc<dyn Datagrams>,
        peer: SocketAddr,
        from: Option<IpAddr>,
        connection: Connection,
        side: Side,
        followers: Followers,
    ) -> Arc<Self> {
        let now = host.now();
        let mut state = State {
            trace: followers.follow(side, &connection, now),
            connection,
            unsent: VecDeque::new(),
            is_client: side == Side::Client,
            closing: false,
            connected: false,
            finished: false,
            end: None,
            armed: None,
            waiting: Vec::new(),
        };
        state.handle_events(now);
        let (host, state) = (host.clone(), Mutex::new(state));
        Arc::new(Self { host, socket, peer, from, state, changed: Notify::new() })
    }

    /// Changes the connection, and sends what follows from that.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State, Time) -> T) -> T {
        let mut state = self.state.lock();
        let done = act(&mut state, self.host.now());
        self.flush(&mut state);
        done
    }

    /// Counters of this end, up to now.
    pub(super) fn stats(&self) -> Stats {
        self.state.lock().connection.stats_at(self.host.now())
    }

    /// Handles a datagram. The driver sends later, so that the application can reply first and the acknowledgement
    /// travels with the reply.
    pub(super) fn receive(&self, datagram: &[u8]) {
        let (mut state, now) = (self.state.lock(), self.host.now());
        let kept = state.connection.handle_segment(now, datagram);
        state.trace.received(datagram, kept, now);
        state.report(now);
        if state.handle_events(now) || kept {
            state.wake();
        }
        // Even if no timer is due: an acknowledgement makes room for waiting segments.
        self.changed.notify_one();
    }

    /// The next message. The window update travels with the application's reply if there is one.
    pub(super) fn take(&self, state: &mut State) -> Option<Message> {
        let message = state.connection.recv(self.host.now())?;
        self.rearm(state);
        Some(message)
    }

    /// Ends the connection because its socket failed.
    pub(super) fn fail(&self, error: &DatagramError) {
        let mut state = self.state.lock();
        state.fail(error);
        state.wake();
        self.changed.notify_one();
    }

    /// Handles timeouts and sends what the socket had no room for, until the connection is over.
    pub(super) async fn drive(&self) {
        let mut sleep = self.host.sleep_until(Time::ZERO);
        loop {
            let Some((due, blocked)) = self.next() else { return };
            sleep.reset(due);
            let writable = async {
                match blocked {
                    true => self.socket.writable().await,
                    false => std::future::pending().await,
                }
            };
            let writable = pin!(writable);
            tokio::select! {
                biased;
                () = self.changed.notified() => {
                    if !blocked {
                        self.with(|_, _| ());
                    }
                }
                ready = writable => match ready {
                    Ok(()) => self.with(|_, _| ()),
                    Err(error) => self.fail(&error),
                },
                () = &mut sleep, if !blocked => self.with(|state, now| {
                    state.connection.handle_timeout(now);
                    if state.handle_events(now) {
                        state.wake();
                    }
                }),
            }
        }
    }

    /// When the next timer is due, and whether the socket is full. `None` when the connection is over.
    fn next(&self) -> Option<(Time, bool)> {
        let mut state = self.state.lock();
        if state.is_over() {
            state.wake();
            return None;
        }
        let due = state.connection.poll_timeout().unwrap_or(Time::MAX);
        state.armed = Some(due);
        Some((due, !state.unsent.is_empty()))
    }

    /// Sends all that can be sent now.
    fn flush(&self, state: &mut State) {
        let now = self.host.now();
        state.report(now);
        while !matches!(state.end, Some(Err(ArqError::Socket(_)))) {
            let datagram = match state.unsent.pop_front() {
                Some(datagram) => datagram,
                None => match state.connection.poll_transmit(now) {
                    Some(transmit) => {
                        let unacknowledged = state.connection.unacknowledged();
                        state.trace.leaves(&transmit, unacknowledged, now);
                        transmit.datagram
                    }
                    None => break,
                },
            };
            match self.socket.try_send(&datagram, self.peer, self.from) {
                // A datagram that the path does not carry is lost like any other.
                Ok(()) | Err(DatagramError::TooLarge { .. }) => {}
                Err(DatagramError::WouldBlock) => {
                    state.unsent.push_front(datagram);
                    self.changed.notify_one();
                    break;
                }
                Err(error) => {
                    state.fail(&error);
                    state.wake();
                    self.changed.notify_one();
                }
            }
        }
        state.report(now);
        if state.handle_events(now) {
            state.wake();
        }
        self.rearm(state);
    }

    /// Wakes the driver if a timer is due earlier than it knows.
    fn rearm(&self, state: &mut State) {
        let due = state.connection.poll_timeout();
        if state.connection.is_drained() || due.is_some_and(|due| state.armed.is_none_or(|armed| due < armed))
        {
            state.armed = due;
            self.changed.notify_one();
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let now = self.host.now();
        self.state.lock().trace.end(now);
    }
}
