//! Bulk data over datagrams. Without congestion control, the sender keeps to a fixed rate (RFC 8085 section 3.1.3).

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::{Bulk, Incoming, Moved, Nature, Outgoing};
use crate::{
    path::{BoxFuture, Datagrams, Host},
    transport::{ChannelError, DatagramSession, Recovery, UDP_HEADERS},
    unit::{Rate, Time},
};

/// An end that sends at `pace`, in datagrams of at most `datagram_bytes`.
pub(super) fn bulk(
    host: &Arc<dyn Host>,
    session: DatagramSession,
    pace: Rate,
    datagram_bytes: usize,
) -> Bulk {
    let DatagramSession { socket, peer } = session;
    let peer = Arc::new(Mutex::new(peer));
    let sender =
        Sender { host: host.clone(), socket: socket.clone(), peer: peer.clone(), pace, due: Time::ZERO };
    let secured = socket.clone();
    let buffer = vec![0; usize::from(u16::MAX)].into();
    Bulk {
        outgoing: Box::new(sender),
        incoming: Box::new(Receiver { socket, peer, buffer }),
        nature: Nature::datagrams(datagram_bytes),
        recovery: Box::new(move || Recovery { rejected: secured.rejected(), ..Recovery::default() }),
        moved: Moved::unknown(),
    }
}

struct Sender {
    host: Arc<dyn Host>,
    socket: Arc<dyn Datagrams>,
    peer: Arc<Mutex<Option<SocketAddr>>>,
    pace: Rate,
    /// When the next datagram may be sent.
    due: Time,
}

impl Outgoing for Sender {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move {
            let peer = *self.peer.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(peer) = peer else {
                return Err(ChannelError::Datagram("nobody has sent anything to answer".to_owned()));
            };
            self.host.sleep_until(self.due).await;
            self.socket.send(&message, peer, None).await?;
            let bits = 8 * (message.len() + UDP_HEADERS) as u64;
            let takes = Duration::from_nanos(bits * 1_000_000_000 / self.pace.bits_per_second());
            // A late sender does not catch up in a burst.
            self.due = self.due.max(self.host.now()) + takes;
            Ok(())
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Receiver {
    socket: Arc<dyn Datagrams>,
    peer: Arc<Mutex<Option<SocketAddr>>>,
    buffer: Box<[u8]>,
}

impl Incoming for Receiver {
    fn recv(&mut self) -> BoxFuture<'_, Result<Bytes, ChannelError>> {
        Box::pin(async move {
            let received = self.socket.recv(&mut self.buffer).await?;
            *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(received.from);
            Ok(Bytes::copy_from_slice(&self.buffer[..received.len]))
        })
    }
}
