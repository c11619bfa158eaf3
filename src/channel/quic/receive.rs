//! The receiving half of a QUIC channel.

use std::sync::Arc;

use quinn::{Chunk, RecvStream, SendStream, StreamId};

use super::{Streams, fail_if_refused};
use crate::{
    channel::{Delivery, Exchange, delivery::Entered, order::Order},
    tap::Tap,
    wire::{Probe, ProbeError},
};

/// How a channel reads QUIC streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// Bytes as they arrive, so that one run yields both when they did and when order released them.
    #[default]
    Unordered,
    /// In order, as applications do. Early arrivals are not seen. It proves that unordered reading
    /// changes nothing.
    Ordered,
}

/// The incoming messages of a channel, and how they are read.
#[derive(Debug, Clone)]
pub(in crate::channel) struct Incoming {
    /// Bytes of each message that does not state that it is shorter.
    pub(in crate::channel) length: usize,
    pub(in crate::channel) reading: Reading,
    pub(in crate::channel) tap: Option<Tap>,
    pub(in crate::channel) exchange: Exchange,
}

impl Streams {
    /// Accepts the streams that the peer opens.
    pub(super) fn accept(self: &Arc<Self>) {
        let streams = self.clone();
        self.host.spawn(
            "a server's stream acceptor",
            Box::pin(async move {
                loop {
                    match streams.connection.accept_bi().await {
                        Ok((send, receive)) => {
                            let is_answered = streams.exchange == Exchange::Answers;
                            streams.read(receive, is_answered.then_some(send));
                        }
                        Err(e) => return streams.inbox.fail(streams.lost(e)),
                    }
                }
            }),
        );
    }

    /// Reads one stream to its end. The first message on it decides which replies go to `reply`.
    pub(super) fn read(self: &Arc<Self>, mut stream: RecvStream, mut reply: Option<SendStream>) {
        let streams = self.clone();
        self.host.spawn(
            "a stream's reader",
            Box::pin(async move {
                let mut order = Order::new(streams.length);
                let ordered = streams.reading == Reading::Ordered;
                let end = loop {
                    match stream.read_chunk(usize::MAX, ordered).await {
                        Ok(Some(chunk)) => streams.take(&mut order, stream.id(), &mut reply, &chunk),
                        end => break end,
                    }
                };
                if let Some(tap) = &streams.tap {
                    tap.close(stream.id().into());
                }
                match end {
                    Err(quinn::ReadError::ConnectionLost(e)) => streams.inbox.fail(streams.lost(e)),
                    Err(quinn::ReadError::Reset(code)) => {
                        fail_if_refused(&streams.inbox, streams.peer(), code);
                    }
                    _ => {}
                }
            }),
        );
    }

    /// Inserts bytes of a stream, and delivers the messages that they release.
    fn take(
        self: &Arc<Self>,
        order: &mut Order,
        stream: StreamId,
        reply: &mut Option<SendStream>,
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

    /// Receives DATAGRAM frames.
    pub(super) fn read_datagrams(self: &Arc<Self>) {
        let streams = self.clone();
        self.host.spawn(
            "the datagram reader",
            Box::pin(async move {
                loop {
                    match streams.connection.read_datagram().await {
                        Ok(datagram) => streams.take_datagram(&datagram),
                        Err(e) => return streams.inbox.fail(streams.lost(e)),
                    }
                }
            }),
        );
    }

    fn take_datagram(&self, datagram: &[u8]) {
        let now = self.host.now();
        match Probe::parse_whole(datagram) {
            Ok(probe) => {
                let landed = self.tap.as_ref().and_then(|tap| tap.datagram(probe.id));
                let entered = landed.map(|landed| Entered::once(landed.stamp.at, landed.queued));
                self.inbox.push(Delivery::at_once(probe, now, entered));
            }
            Err(ProbeError::Corrupted) => *self.corrupted.lock() += 1,
            Err(ProbeError::Foreign) => {}
        }
    }
}
