//! A server's socket, which has a DTLS connection with each client.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, MutexGuard},
    task::{Context, Poll},
};

use super::{
    config::{Setup, certificate},
    peers::Peers,
    record,
    trace::Trace,
};
use crate::{
    path::{
        BoxFuture, DatagramError, Datagrams, Host, REJECTED_AT_ONCE, Received, Rejected, Rejections, Sleep,
    },
    tap::Tap,
    transport::{ClientLimits, ConnectError, security::ServerTls},
    unit::{Mutex, Time},
};

/// A server's end.
#[derive(Debug)]
pub(super) struct ServerSocket {
    inner: Arc<dyn Datagrams>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) peers: Peers,
    sleep: Sleep,
}

impl ServerSocket {
    pub(super) fn new(
        host: &Arc<dyn Host>,
        local: SocketAddr,
        setup: &Setup,
        tls: &ServerTls,
        limits: Option<ClientLimits>,
        tap: Option<Tap>,
    ) -> Result<Self, ConnectError> {
        let leaf = tls.identity.p256.as_ref();
        let leaf = leaf.ok_or(ConnectError::NoCertificate { what: "DTLS", local })?;
        let (config, certificate) = (setup.config(&**host, local)?, certificate(&**host, leaf, local)?);
        let socket = host.udp_bind(local)?;
        let peers = Peers {
            host: host.clone(),
            socket: socket.clone(),
            config,
            certificate,
            handshake_limit: setup.limit,
            limits,
            trace: Trace::new(tap),
            key_log: tls.key_log.clone(),
            peers: Default::default(),
            unproven: Default::default(),
            proven: Vec::new(),
            deadlines: Default::default(),
            inbox: Default::default(),
            rejected: Rejections::default(),
        };
        Ok(Self { inner: socket, state: Mutex::new(State { peers, sleep: host.sleep_until(Time::ZERO) }) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Datagrams for ServerSocket {
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        let State { peers, sleep } = &mut *self.state();
        for _ in 0..REJECTED_AT_ONCE {
            if let Some(received) = peers.inbox.pop(buffer) {
                return Poll::Ready(Ok(received));
            }
            peers.run_timers();
            match self.inner.poll_recv(cx, buffer) {
                Poll::Ready(received) => {
                    let received = received?;
                    peers.receive(received, &buffer[..received.len]);
                }
                Poll::Pending => {
                    sleep.reset(peers.deadlines.next());
                    if Pin::new(&mut *sleep).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, _: Option<IpAddr>) -> Result<(), DatagramError> {
        if payload.len() > record::MAX_PLAINTEXT {
            return Err(DatagramError::TooLarge { len: payload.len(), peer: to });
        }
        self.state().peers.send_message(to, payload).unwrap_or_else(|| {
            let source = io::Error::new(io::ErrorKind::NotConnected, "there is no DTLS session");
            Err(DatagramError::Io { operation: "send to", address: to, source })
        })
    }

    fn rejected(&self) -> Option<Rejected> {
        Some(self.state().peers.rejected.counts())
    }

    fn take_rejected(&self, sources: &mut Vec<IpAddr>) {
        self.state().peers.rejected.take_sources(sources);
    }

    fn shun(&self, sources: &[IpAddr]) -> bool {
        self.inner.shun(sources)
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        self.inner.writable()
    }
}

impl Drop for ServerSocket {
    fn drop(&mut self) {
        self.state().peers.close();
    }
}
