//! The owner's view of a connection: messages in, messages out.

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;

use super::{
    ArqError,
    endpoint::{Endpoint, State},
    trace::Followers,
};
use crate::{
    arq::{Connection, Message, SendError, Stats},
    path::{self, Datagrams, Host, Side},
    tap::Tap,
    transport::{LimitedBy, Recovery},
};

/// One end of a connection. Dropping it before it is [closed](Self::close) resets the connection.
pub struct ArqConnection(Arc<Endpoint>);

impl ArqConnection {
    /// The client's end, on a socket of its own.
    pub(super) fn client(
        host: &Arc<dyn Host>,
        socket: Arc<dyn Datagrams>,
        peer: SocketAddr,
        connection: Connection,
        followers: Followers,
    ) -> Self {
        let endpoint = Endpoint::new(host, socket, peer, None, connection, Side::Client, followers);
        let driven = endpoint.clone();
        host.spawn(
            "an ARQ client",
            Box::pin(async move {
                tokio::select! {
                    biased;
                    () = receive(&driven) => {}
                    () = driven.drive() => {}
                }
            }),
        );
        Self(endpoint)
    }

    /// The server's end. The server receives for it.
    pub(super) fn server(endpoint: Arc<Endpoint>) -> Self {
        Self(endpoint)
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Completes when messages can be sent. Returns an error if the handshake failed.
    pub async fn connected(&self) -> Result<(), ArqError> {
        self.wait(|state| state.connected.then_some(Ok(()))).await
    }

    /// Sends a message, if there is room for it.
    ///
    /// Returns an error if there is no room, or if the message can never be sent.
    pub fn try_send(&self, message: Bytes) -> Result<(), SendError> {
        self.0.with(|state, _| state.connection.send(message)).map(drop)
    }

    /// Sends a message as soon as there is room for it. Returns an error if it can never be sent.
    pub async fn send(&self, message: Bytes) -> Result<(), ArqError> {
        poll_fn(|cx| match self.try_send(message.clone()) {
            Err(SendError::Full) => {
                self.0.state.lock().register(cx);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(self.error().unwrap_or(error.into()))),
            Ok(()) => Poll::Ready(Ok(())),
        })
        .await
    }

    /// The next message in order. `None` once the peer has closed the connection.
    ///
    /// Returns an error if the connection broke.
    pub fn poll_recv(&self, cx: &Context<'_>) -> Poll<Result<Option<Message>, ArqError>> {
        let mut state = self.0.state.lock();
        if let Some(message) = self.0.take(&mut state) {
            return Poll::Ready(Ok(Some(message)));
        }
        if state.finished {
            return Poll::Ready(Ok(None));
        }
        match &state.end {
            Some(end) => Poll::Ready(end.clone().map(|()| None)),
            None => {
                state.register(cx);
                Poll::Pending
            }
        }
    }

    /// The next message; see [`ArqConnection::poll_recv`]. Returns an error if the connection broke.
    pub async fn recv(&self) -> Result<Option<Message>, ArqError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Closes this end. Messages that were sent before still arrive.
    pub fn close(&self) {
        self.0.with(|state, now| {
            state.closing = true;
            state.connection.close(now);
        });
    }

    /// Completes when both ends have closed the connection. Returns an error if the connection broke.
    pub async fn closed(&self) -> Result<(), ArqError> {
        self.wait(|state| state.end.clone()).await
    }

    /// Aborts the connection, and notifies the peer.
    pub fn reset(&self) {
        self.0.with(|state, now| {
            state.closing = true;
            state.connection.reset(now);
        });
    }

    /// Counters of this end.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// What it has done so far to recover from loss.
    pub fn recovery(&self) -> Recovery {
        let stats = self.stats();
        let least = stats.min_window_bytes.map_or(stats.window_bytes, |least| least.min(stats.window_bytes));
        Recovery {
            retransmitted_packets: Some(stats.retransmissions),
            timeouts: Some(stats.timeouts),
            congestion_events: Some(stats.congestion_events),
            window_bytes: Some(stats.window_bytes),
            min_window_bytes: Some(least),
            window_limited: Some(stats.window_limited),
            limits: LimitedBy {
                credit: stats.credit_limited,
                buffer: stats.buffer_limited,
                streams: Duration::ZERO,
            },
            ..Recovery::default()
        }
    }

    /// The send buffer in bytes and the receive window in segments.
    pub(super) fn windows(&self) -> (usize, u64) {
        let state = self.0.state.lock();
        (state.connection.send_buffer(), state.connection.receive_window())
    }

    /// Segments received in order, the smoothed round trip, and the congestion window in bytes.
    pub(super) fn load(&self) -> (u64, Duration, u64) {
        let state = self.0.state.lock();
        let connection = &state.connection;
        (connection.expected(), connection.rtt().unwrap_or_default(), connection.stats().window_bytes)
    }

    pub(super) fn set_send_buffer(&self, bytes: usize) {
        self.0.with(|state, _| state.connection.set_send_buffer(bytes));
    }

    pub(super) fn grow_receive_window(&self, segments: u64) {
        self.0.with(|state, now| state.connection.grow_receive_window(now, segments));
    }

    /// The tap that its segments are recorded on, and the sequence number that it expects next.
    pub(crate) fn tap(&self) -> Option<(Tap, u64)> {
        let state = self.0.state.lock();
        state.tap().cloned().map(|tap| (tap, state.connection.expected()))
    }

    /// The error that ended the connection, if any.
    fn error(&self) -> Option<ArqError> {
        self.0.state.lock().end.clone().and_then(Result::err)
    }

    async fn wait<T>(
        &self,
        mut ready: impl FnMut(&State) -> Option<Result<T, ArqError>>,
    ) -> Result<T, ArqError> {
        poll_fn(|cx| {
            let mut state = self.0.state.lock();
            if let Some(ready) = ready(&state) {
                return Poll::Ready(ready);
            }
            if let Some(Err(error)) = &state.end {
                return Poll::Ready(Err(error.clone()));
            }
            state.register(cx);
            Poll::Pending
        })
        .await
    }
}

/// Receives for a client until the socket fails.
async fn receive(endpoint: &Endpoint) {
    loop {
        if let Err(error) = endpoint.socket.recv_with(|datagram| endpoint.receive(datagram)).await {
            return endpoint.fail(&error);
        }
        // Lets the application reply to each segment before the next is read.
        path::yield_now().await;
    }
}

impl Drop for ArqConnection {
    fn drop(&mut self) {
        if !self.0.state.lock().closing {
            self.reset();
        }
    }
}

impl fmt::Debug for ArqConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArqConnection").field("peer", &self.0.peer).finish_non_exhaustive()
    }
}
