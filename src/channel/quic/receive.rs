//! The receiving half of a QUIC channel.

use std::sync::Arc;

use quinn::{Chunk, RecvStream, SendStream, StreamId};

use super::{Shared, lock};
use crate::{
    channel::{Delivery, order::Order},
    tap::Tap,
    wire::{Probe, ProbeError},
};

/// How a channel reads the streams that messages come on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// Bytes as they arrive, so that one run tells both when they did and when order released them.
    #[default]
    Unordered,
    /// In order, as applications do: what arrived early is not seen. It is here to prove that the other way
    /// changes nothing.
    Ordered,
}

/// What a channel expects, and how it reads it.
#[derive(Debug, Clone)]
pub(in crate::channel) struct Incoming {
    /// Bytes of each message.
    pub(in crate::channel) length: usize,
    pub(in crate::channel) reading: Reading,
    pub(in crate::channel) tap: Option<Tap>,
}

impl Shared {
    /// Takes in the streams that the peer opens.
    pub(super) fn accept(self: &Arc<Self>) {
        let shared = self.clone();
        self.host.spawn(
            "a server's stream acceptor",
            Box::pin(async move {
                loop {
                    match shared.connection.accept_bi().await {
                        Ok((send, receive)) => shared.read(receive, Some(send)),
                        Err(e) => return shared.inbox.fail(shared.lost(e)),
                    }
                }
            }),
        );
    }

    /// Reads one stream to its end. What is received first on it tells which messages `reply` is for.
    pub(super) fn read(self: &Arc<Self>, mut stream: RecvStream, mut reply: Option<SendStream>) {
        let shared = self.clone();
        self.host.spawn(
            "a stream's reader",
            Box::pin(async move {
                let mut order = Order::new(shared.length);
                let ordered = shared.reading == Reading::Ordered;
                let end = loop {
                    match stream.read_chunk(usize::MAX, ordered).await {
                        Ok(Some(chunk)) => shared.take(&mut order, (stream.id(), &mut reply), &chunk),
                        end => break end,
                    }
                };
                if let Some(tap) = &shared.tap {
                    tap.close(stream.id().into());
                }
                if let Err(quinn::ReadError::ConnectionLost(e)) = end {
                    shared.inbox.fail(shared.lost(e));
                }
            }),
        );
    }

    /// Takes in bytes of a stream, and hands over the messages that they release.
    fn take(
        self: &Arc<Self>,
        order: &mut Order,
        (stream, reply): (StreamId, &mut Option<SendStream>),
        chunk: &Chunk,
    ) {
        let stream = stream.into();
        order.insert(self.host.now(), chunk.offset, &chunk.bytes, |release| {
            if let Some(send) = reply.take() {
                self.register(release.probe.id, send);
            }
            let passage = |offset| self.tap.as_ref()?.passage(stream, offset);
            self.inbox.push(Delivery::in_order(&release, passage));
        });
        if let Some(tap) = &self.tap {
            tap.release(stream, order.released());
        }
    }

    /// Takes in what comes in DATAGRAM frames.
    pub(super) fn read_datagrams(self: &Arc<Self>) {
        let shared = self.clone();
        self.host.spawn(
            "the datagram reader",
            Box::pin(async move {
                loop {
                    match shared.connection.read_datagram().await {
                        Ok(datagram) => shared.take_datagram(&datagram),
                        Err(e) => return shared.inbox.fail(shared.lost(e)),
                    }
                }
            }),
        );
    }

    fn take_datagram(&self, datagram: &[u8]) {
        let now = self.host.now();
        match Probe::parse_whole(datagram) {
            Ok(probe) => {
                let entered = self.tap.as_ref().and_then(|tap| tap.datagram(probe.id));
                self.inbox.push(Delivery::at_once(probe, now, entered.map(|stamp| stamp.at)));
            }
            Err(ProbeError::Corrupted) => *lock(&self.corrupted) += 1,
            Err(ProbeError::Foreign) => {}
        }
    }
}
