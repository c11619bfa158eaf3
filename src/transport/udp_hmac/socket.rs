//! A socket that signs what it sends, and drops what is not signed.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, MutexGuard},
    task::{Context, Poll, ready},
};

use super::{
    ends::End,
    envelope::{open, seal},
    key::SharedKey,
};
use crate::{
    path::{
        BoxFuture, DatagramError, Datagrams, REJECTED_AT_ONCE, Received, Rejected, Rejection, Rejections,
    },
    unit::Mutex,
};

/// A socket of one end of signed UDP.
#[derive(Debug)]
pub(super) struct SignedSocket {
    inner: Arc<dyn Datagrams>,
    key: SharedKey,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    end: Box<dyn End>,
    rejected: Rejections,
    /// The signed datagram, to reuse its memory.
    datagram: Vec<u8>,
}

impl SignedSocket {
    pub(super) fn new(inner: Arc<dyn Datagrams>, key: SharedKey, end: impl End + 'static) -> Self {
        let state = State { end: Box::new(end), rejected: Rejections::default(), datagram: Vec::new() };
        Self { inner, key, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The length of the payload of `datagram`, if it is to be delivered.
    fn accept(&self, datagram: &[u8], from: SocketAddr) -> Option<usize> {
        let opened = open(&self.key, datagram).ok_or(Rejection::Forged);
        let mut state = self.state();
        let accepted = opened
            .and_then(|opened| state.end.accept(from, opened.sender, opened.counter).map(|()| opened.length));
        accepted.inspect_err(|rejection| state.rejected.count(*rejection, from.ip())).ok()
    }
}

impl Datagrams for SignedSocket {
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        for _ in 0..REJECTED_AT_ONCE {
            let received = ready!(self.inner.poll_recv(cx, buffer))?;
            if let Some(len) = self.accept(&buffer[..received.len], received.from) {
                // The next datagram may be dropped, so there may be none that the caller can wait for.
                return Poll::Ready(Ok(Received { len, more: false, ..received }));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError> {
        let mut state = self.state();
        let State { end, datagram, .. } = &mut *state;
        let Some((sender, counter)) = end.stamp(to) else {
            let source = io::Error::new(io::ErrorKind::NotConnected, "no signed datagram came from there");
            return Err(DatagramError::Io { operation: "send to", address: to, source });
        };
        seal(&self.key, payload, sender, counter, datagram);
        self.inner.try_send(datagram, to, from)
    }

    fn rejected(&self) -> Option<Rejected> {
        Some(self.state().rejected.counts())
    }

    fn take_rejected(&self, sources: &mut Vec<IpAddr>) {
        self.state().rejected.take_sources(sources);
    }

    fn shun(&self, sources: &[IpAddr]) -> bool {
        self.inner.shun(sources)
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        self.inner.writable()
    }
}
