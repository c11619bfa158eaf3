//! An experiment's messages on one byte stream of the kernel's: TCP, or TLS on it.

use std::{
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

use super::{
    Channel, ChannelError, Delivery, Recovery,
    inbox::Inbox,
    order::{Order, Release},
};
use crate::{
    path::{ByteStream, Connected, Host, KernelTcp},
    tap::{Passage, StreamTap},
    unit::Time,
    wire::{MessageId, Probe, probe::padding},
};

/// How much one read may take in.
const READ_BYTES: usize = 64 * 1024;

/// What carries the messages on the byte stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing: their bytes are TCP's.
    Plain,
    /// Records of TLS 1.3.
    Tls,
}

impl Framing {
    /// How many bytes of TCP a message of `length` bytes is.
    fn on_the_wire(self, length: usize) -> u64 {
        /// A record's header, the type that ends what is sealed, and the tag (RFC 8446 section 5.2).
        const RECORD_OVERHEAD: usize = 5 + 1 + 16;
        /// What one record holds at most (RFC 8446 section 5.1), and rustls fills it.
        const RECORD: usize = 1 << 14;
        let overhead = match self {
            Self::Plain => 0,
            Self::Tls => length.div_ceil(RECORD) * RECORD_OVERHEAD,
        };
        (length + overhead) as u64
    }
}

/// One end of a byte stream. Kernel TCP hides when bytes arrived: that is known where the wire is ours, and elsewhere
/// only the order's release is seen.
pub(super) struct StreamChannel {
    peer: SocketAddr,
    inbox: Inbox,
    writer: mpsc::UnboundedSender<(Probe, usize)>,
    kernel: Option<Box<dyn KernelTcp>>,
    min_window_bytes: Option<u64>,
}

impl StreamChannel {
    /// A channel over `connected` whose incoming messages are `length` bytes long.
    pub(super) fn new(
        host: &Arc<dyn Host>,
        connected: Connected,
        tap: Option<StreamTap>,
        length: usize,
        framing: Framing,
    ) -> Self {
        let Connected { stream, peer, kernel, .. } = connected;
        let inbox = Inbox::default();
        let (reader, write_half) = tokio::io::split(stream);
        let arrivals = Arrivals { tap: tap.clone(), latest: None };
        let reading = read(host.clone(), reader, peer, (length, arrivals), inbox.clone());
        host.spawn("a stream's reader", Box::pin(reading));
        let (writer, messages) = mpsc::unbounded_channel();
        let writing = write(write_half, peer, messages, (framing, tap), inbox.clone());
        host.spawn("a stream's writer", Box::pin(writing));
        Self { peer, inbox, writer, kernel, min_window_bytes: None }
    }
}

/// When messages arrived, as whoever forwards the segments has seen it.
struct Arrivals {
    tap: Option<StreamTap>,
    /// Of all messages so far, the one whose bytes arrived last.
    latest: Option<(MessageId, Time, Passage)>,
}

impl Arrivals {
    fn delivery(&mut self, release: &Release) -> Delivery {
        let Some(own) = self.tap.as_ref().and_then(StreamTap::receive) else {
            let delivery = Delivery::in_order(release, |_| None);
            return Delivery { arrived: None, ..delivery };
        };
        let delivery = Delivery::forwarded(release.probe, own, self.latest);
        if delivery.blocked_by.is_none() {
            let (arrived, passage) = own;
            self.latest = Some((release.probe.id, arrived, passage));
        }
        delivery
    }
}

async fn read(
    host: Arc<dyn Host>,
    mut stream: tokio::io::ReadHalf<Box<dyn ByteStream>>,
    peer: SocketAddr,
    (length, mut arrivals): (usize, Arrivals),
    inbox: Inbox,
) {
    let mut order = Order::new(length);
    let mut buffer = vec![0; READ_BYTES];
    let mut offset = 0;
    let reason = loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break "the peer closed it".to_owned(),
            Ok(n) => {
                order.insert(host.now(), offset, &buffer[..n], |release| {
                    inbox.push(arrivals.delivery(&release));
                });
                offset += n as u64;
            }
            Err(e) => break e.to_string(),
        }
    };
    inbox.fail(ChannelError::Lost { peer, reason });
}

async fn write(
    mut stream: tokio::io::WriteHalf<Box<dyn ByteStream>>,
    peer: SocketAddr,
    mut messages: mpsc::UnboundedReceiver<(Probe, usize)>,
    (framing, tap): (Framing, Option<StreamTap>),
    inbox: Inbox,
) {
    let mut message = Vec::new();
    while let Some((probe, length)) = messages.recv().await {
        message.clear();
        let head = probe.header(length);
        message.extend_from_slice(&head);
        padding(head.len()..length).for_each(|part| message.extend_from_slice(&part));
        let end = tap.as_ref().map(|tap| tap.send(framing.on_the_wire(message.len())));
        let written = match stream.write_all(&message).await {
            Ok(()) => stream.flush().await,
            failed => failed,
        };
        debug_assert!(written.is_err() || end == tap.as_ref().map(StreamTap::written), "{framing:?}");
        if let Err(e) = written {
            return inbox.fail(ChannelError::Lost { peer, reason: e.to_string() });
        }
    }
    // The other end learns of the close by the end of the stream, whether or not this succeeds.
    let _ = stream.shutdown().await;
}

impl Channel for StreamChannel {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        let window = self.kernel.as_ref().and_then(|kernel| kernel.info()).map(|info| info.window_bytes);
        self.min_window_bytes = self.min_window_bytes.into_iter().chain(window).min();
        self.writer
            .send((probe, length))
            .map_err(|_| ChannelError::Lost { peer: self.peer, reason: "it was closed".to_owned() })
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        self.inbox.poll(cx)
    }

    fn recovery(&self) -> Recovery {
        Recovery { min_window_bytes: self.min_window_bytes, ..recovery(self.kernel.as_deref()) }
    }
}

/// What the kernel's TCP has done so far to recover from loss, as far as it tells.
pub(super) fn recovery(kernel: Option<&dyn KernelTcp>) -> Recovery {
    let Some((kernel, info)) = kernel.and_then(|kernel| Some((kernel, kernel.info()?))) else {
        return Recovery::default();
    };
    Recovery {
        retransmitted_packets: Some(info.retransmitted_segments),
        congestion_events: kernel
            .fast_recoveries()
            .zip(info.timeout_recoveries)
            .map(|(fast, slow)| fast + slow),
        timeouts: info.timeouts,
        ..Recovery::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_22_bytes_more_for_each_record_that_it_fills() {
        for (length, records) in [(1, 1), (1000, 1), (16_384, 1), (16_385, 2), (40_000, 3)] {
            assert_eq!(Framing::Tls.on_the_wire(length), length as u64 + 22 * records, "{length}");
            assert_eq!(Framing::Plain.on_the_wire(length), length as u64);
        }
    }
}
