//! An experiment's messages on a byte stream over the kernel's TCP.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    sync::mpsc,
};

use super::{
    Channel, Delivery, UnitToSend,
    inbox::Inbox,
    order::{Order, Release},
};
use crate::{
    path::{ByteStream, Connected, Host, KernelTcp},
    tap::{Passage, StreamTap},
    transport::{
        ChannelError, Recovery, StreamSession,
        tls::{SPEAKS_TLS, is_tls_alert},
    },
    unit::{Room, Time},
    wire::{MessageId, Probe, probe::padding},
};

/// Buffer size of a read.
const READ_BYTES: usize = 64 * 1024;

/// The messages of a unit are written together, in writes of about this many bytes.
const WRITE_BYTES: usize = 64 * 1024;

/// One end of a byte stream. The kernel's TCP hides when bytes arrived. On an emulated link the tap knows; elsewhere
/// only the release in order is seen.
pub(super) struct StreamChannel {
    peer: SocketAddr,
    inbox: Inbox,
    writer: mpsc::UnboundedSender<UnitToSend>,
    kernel: Option<Box<dyn KernelTcp>>,
    min_window_bytes: Option<u64>,
}

impl StreamChannel {
    /// A channel whose incoming messages are `length` bytes long, unless they state that they are shorter.
    pub(super) fn new(host: &Arc<dyn Host>, session: StreamSession, length: usize) -> Self {
        let StreamSession { connected: Connected { stream, peer, kernel, .. }, tap, wire_bytes } = session;
        let inbox = Inbox::new(host.is_one_thread());
        let (reader, write_half) = tokio::io::split(stream);
        let arrivals = Arrivals { tap: tap.clone(), latest: None };
        let reading = read(host.clone(), reader, peer, length, arrivals, inbox.clone());
        host.spawn("a stream's reader", Box::pin(reading));
        let (writer, units) = mpsc::unbounded_channel();
        let writing = write(write_half, peer, units, wire_bytes, tap, inbox.clone());
        host.spawn("a stream's writer", Box::pin(writing));
        Self { peer, inbox, writer, kernel, min_window_bytes: None }
    }
}

/// When messages arrived, as seen on the link.
struct Arrivals {
    tap: Option<StreamTap>,
    /// Of all messages so far, the one that arrived last.
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
    length: usize,
    mut arrivals: Arrivals,
    inbox: Inbox,
) {
    let mut order = Order::new(length);
    let mut offset = 0;
    let mut speaks_tls = false;
    let reason = loop {
        let read = read_some(&mut stream, |bytes| {
            speaks_tls |= offset == 0 && is_tls_alert(bytes);
            order.insert(host.now(), offset, bytes, |release| inbox.push(arrivals.delivery(&release)));
            offset += bytes.len() as u64;
        });
        match read.await {
            Ok(0) | Err(_) if speaks_tls => break SPEAKS_TLS.to_owned(),
            Ok(0) => break "the peer closed it".to_owned(),
            Ok(_) => {}
            Err(e) => break e.to_string(),
        }
    };
    inbox.fail(ChannelError::Lost { peer, reason });
}

/// Passes the next bytes of `stream` to `take`, and returns their number: 0 at the end.
async fn read_some(
    stream: &mut tokio::io::ReadHalf<Box<dyn ByteStream>>,
    mut take: impl FnMut(&[u8]),
) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut room = Room::of(READ_BYTES);
        let mut read = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
        let bytes = read.filled();
        take(bytes);
        Poll::Ready(Ok(bytes.len()))
    })
    .await
}

async fn write(
    mut stream: tokio::io::WriteHalf<Box<dyn ByteStream>>,
    peer: SocketAddr,
    mut units: mpsc::UnboundedReceiver<UnitToSend>,
    wire_bytes: fn(usize) -> u64,
    tap: Option<StreamTap>,
    inbox: Inbox,
) {
    let mut bytes = Vec::new();
    while let Some(unit) = units.recv().await {
        let mut messages = unit.messages().peekable();
        bytes.clear();
        while let Some((probe, length)) = messages.next() {
            let head = probe.header(length);
            bytes.extend_from_slice(&head);
            padding(head.len()..length).for_each(|part| bytes.extend_from_slice(&part));
            // The tap follows each message, so each is a write of its own.
            if tap.is_none() && bytes.len() < WRITE_BYTES && messages.peek().is_some() {
                continue;
            }
            let end = tap.as_ref().map(|tap| tap.send(wire_bytes(bytes.len())));
            let written = match stream.write_all(&bytes).await {
                Ok(()) => stream.flush().await,
                failed => failed,
            };
            debug_assert!(written.is_err() || end == tap.as_ref().map(StreamTap::written));
            if let Err(e) = written {
                return inbox.fail(ChannelError::Lost { peer, reason: e.to_string() });
            }
            bytes.clear();
        }
    }
    // If this fails, the stream has ended all the same.
    let _ = stream.shutdown().await;
}

impl Channel for StreamChannel {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        self.send_unit(&UnitToSend::single(probe, length))
    }

    fn send_unit(&mut self, unit: &UnitToSend) -> Result<(), ChannelError> {
        let window = self.kernel.as_ref().and_then(|kernel| kernel.info()).map(|info| info.window_bytes);
        self.min_window_bytes = self.min_window_bytes.into_iter().chain(window).min();
        self.writer
            .send(*unit)
            .map_err(|_| ChannelError::Lost { peer: self.peer, reason: "it was closed".to_owned() })
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        self.inbox.poll(cx)
    }

    fn recovery(&self) -> Recovery {
        Recovery { min_window_bytes: self.min_window_bytes, ..Recovery::of_kernel(self.kernel.as_deref()) }
    }

    fn close_counters(&mut self) {
        self.kernel = None;
    }
}
