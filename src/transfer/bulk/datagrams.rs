//! Bulk data over datagrams. Without congestion control, the sender keeps to a fixed rate (RFC 8085 section 3.1.3).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};

use super::{Bulk, Incoming, Moved, Nature, Outgoing};
use crate::{
    path::{BoxFuture, DatagramError, Datagrams, Host},
    transport::{ChannelError, DatagramSession, Recovery, UDP_HEADERS},
    unit::{Mutex, Rate, Time},
    wire::transfer::Piece,
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
    let sender = Sender {
        host: host.clone(),
        socket: socket.clone(),
        peer: peer.clone(),
        pace,
        due: Time::ZERO,
        run: Vec::new(),
        segment: 0,
    };
    let counting = socket.clone();
    let recovery = move || Recovery {
        rejected: counting.rejected(),
        ce_received: counting.ce_received(),
        ..Recovery::default()
    };
    Bulk {
        outgoing: Box::new(sender),
        incoming: Box::new(Receiver { socket, peer, buffer: Bytes::new() }),
        nature: Nature::datagrams(datagram_bytes),
        recovery: Arc::new(recovery),
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
    /// Pieces that are due within the resolution of the host's timer. All but the last have `segment` bytes.
    run: Vec<u8>,
    segment: usize,
}

impl Sender {
    /// The most bytes of a run, so that one system call can send it.
    const MOST: usize = 65_000;

    /// Time that a datagram of `bytes` takes at the pace.
    fn takes(&self, bytes: usize) -> Duration {
        let bits = 8 * (bytes + UDP_HEADERS) as u64;
        Duration::from_nanos(bits * 1_000_000_000 / self.pace.bits_per_second())
    }

    /// Adds a datagram to the run. If the datagram is longer than `segment`, sends the run first. Sends the run
    /// afterwards if it is full, if the datagram is shorter than `segment`, or if `waits` is false.
    async fn add(&mut self, [header, body]: [&[u8]; 2], waits: bool) -> Result<(), ChannelError> {
        let length = header.len() + body.len();
        if length > self.segment {
            self.send_run().await?;
        }
        if self.run.is_empty() {
            self.segment = length;
        }
        self.run.extend_from_slice(header);
        self.run.extend_from_slice(body);
        let datagrams = self.run.len().div_ceil(self.segment);
        let pause = self.takes(self.segment) * u32::try_from(datagrams).unwrap_or(u32::MAX);
        let has_room = self.run.len() + self.segment <= Self::MOST;
        // A shorter datagram must be the last of a run.
        if waits && length == self.segment && has_room && pause < self.host.resolution() {
            return Ok(());
        }
        self.send_run().await
    }

    async fn send_run(&mut self) -> Result<(), ChannelError> {
        if self.run.is_empty() {
            return Ok(());
        }
        let peer = *self.peer.lock();
        let Some(peer) = peer else {
            return Err(ChannelError::Datagram("no peer yet: nothing was received".to_owned()));
        };
        self.host.sleep_until(self.due).await;
        let mut rest = &self.run[..];
        let mut takes = Duration::ZERO;
        while !rest.is_empty() {
            match self.socket.try_send_run(rest, self.segment, peer, None) {
                Ok(sent) => {
                    let sent_now = rest[..sent].chunks(self.segment);
                    takes += sent_now.map(|datagram| self.takes(datagram.len())).sum::<Duration>();
                    rest = &rest[sent..];
                }
                Err(DatagramError::WouldBlock) => self.socket.writable().await?,
                Err(error) => return Err(error.into()),
            }
        }
        self.run.clear();
        // A late sender catches up by one run, so that lateness of timers does not slow it down, but not in a burst.
        let now = self.host.now();
        let due = if now - self.due <= takes { self.due } else { now };
        self.due = due + takes;
        Ok(())
    }
}

impl Outgoing for Sender {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move { self.add([&message, &[]], false).await })
    }

    /// Pieces that are due together are sent together.
    fn send_piece(&mut self, piece: Piece) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move { self.add([&piece.header(), &piece.bytes], true).await })
    }

    fn finish(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Receiver {
    socket: Arc<dyn Datagrams>,
    peer: Arc<Mutex<Option<SocketAddr>>>,
    /// The buffer of the last message, reused once that message is dropped.
    buffer: Bytes,
}

impl Incoming for Receiver {
    fn recv(&mut self) -> BoxFuture<'_, Result<Bytes, ChannelError>> {
        Box::pin(async move {
            let again = std::mem::take(&mut self.buffer).try_into_mut();
            let mut buffer = again.unwrap_or_else(|_| BytesMut::zeroed(usize::from(u16::MAX)));
            let received = self.socket.recv(&mut buffer).await?;
            *self.peer.lock() = Some(received.from);
            self.buffer = buffer.freeze();
            Ok(self.buffer.slice(..received.len))
        })
    }
}

#[cfg(all(test, real_time))]
mod tests {
    use super::*;
    use crate::{
        path::direct::{DirectHost, runtime},
        wire::transfer::{DIGEST_BYTES, TransferMessage},
    };

    /// Sends pieces of these lengths, and the end. Returns them as messages.
    async fn send(sender: &mut Bulk, lengths: &[usize]) -> Result<Vec<Bytes>, ChannelError> {
        let mut messages = Vec::new();
        for (i, &length) in lengths.iter().enumerate() {
            let piece = Piece::new(i as u64, vec![7; length].into());
            messages.push(TransferMessage::Piece(piece.clone()).encode());
            sender.outgoing.send_piece(piece).await?;
        }
        let end = TransferMessage::End { length: 0, digest: [0; DIGEST_BYTES] }.encode();
        sender.outgoing.send(end.clone()).await?;
        messages.push(end);
        Ok(messages)
    }

    #[test]
    fn datagrams_that_are_sent_together_arrive_one_by_one_and_none_is_kept_back() {
        // A shorter datagram ends a run, and a longer one begins a new run. The end has the last length.
        let lengths = [&[1000; 70][..], &[700], &[1000, 1000, 1200], &[1040; 3]].concat();
        runtime().unwrap().block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().unwrap();
            let there = host.udp_bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = there.local_addr();
            let here = host.udp_connect(address).unwrap();
            let pace = Rate::from_bits_per_second(100_000_000_000).unwrap();
            let session = |socket, peer| bulk(&host, DatagramSession { socket, peer }, pace, 1200);
            let (mut sender, mut receiver) = (session(here, Some(address)), session(there, None));
            for message in &send(&mut sender, &lengths).await.unwrap() {
                assert_eq!(receiver.incoming.recv().await.unwrap(), message);
            }
        });
    }

    #[test]
    fn runs_keep_to_the_pace() {
        runtime().unwrap().block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().unwrap();
            let there = host.udp_bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = there.local_addr();
            let session = DatagramSession { socket: host.udp_connect(address).unwrap(), peer: Some(address) };
            // 8 us for each datagram, so a run has up to thirteen.
            let pace = Rate::from_bits_per_second(1_052_000_000).unwrap();
            let mut sender = bulk(&host, session, pace, 1200);
            let begun = host.now();
            send(&mut sender, &[1000; 1000]).await.unwrap();
            let took = host.now() - begun;
            assert!(took >= Duration::from_micros(7_900), "{took:?}");
        });
    }
}
