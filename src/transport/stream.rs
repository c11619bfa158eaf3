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

use super::{Channel, ChannelError, Delivery, Recovery, inbox::Inbox, order::Order};
use crate::{
    path::{ByteStream, Connected, Host},
    wire::{Probe, probe::filling},
};

/// How much one read may take in.
const READ_BYTES: usize = 64 * 1024;

/// One end of a byte stream. Kernel TCP hides when bytes arrived: only the order's release is seen.
pub(super) struct StreamChannel {
    peer: SocketAddr,
    inbox: Inbox,
    writer: mpsc::UnboundedSender<(Probe, usize)>,
}

impl StreamChannel {
    /// A channel over `connected` whose incoming messages are `length` bytes long.
    pub(super) fn new(host: &Arc<dyn Host>, connected: Connected, length: usize) -> Self {
        let Connected { stream, peer } = connected;
        let inbox = Inbox::default();
        let (reader, write_half) = tokio::io::split(stream);
        host.spawn("a stream's reader", Box::pin(read(host.clone(), reader, peer, length, inbox.clone())));
        let (writer, messages) = mpsc::unbounded_channel();
        host.spawn("a stream's writer", Box::pin(write(write_half, peer, messages, inbox.clone())));
        Self { peer, inbox, writer }
    }
}

async fn read(
    host: Arc<dyn Host>,
    mut stream: tokio::io::ReadHalf<Box<dyn ByteStream>>,
    peer: SocketAddr,
    length: usize,
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
                    let delivery = Delivery::in_order(&release, |_| None);
                    inbox.push(Delivery { arrived: None, ..delivery });
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
    inbox: Inbox,
) {
    let mut message = Vec::new();
    while let Some((probe, length)) = messages.recv().await {
        message.clear();
        let head = probe.head(length);
        message.extend_from_slice(&head);
        filling(head.len()..length).for_each(|part| message.extend_from_slice(&part));
        let written = match stream.write_all(&message).await {
            Ok(()) => stream.flush().await,
            failed => failed,
        };
        if let Err(e) = written {
            return inbox.fail(ChannelError::Lost { peer, reason: e.to_string() });
        }
    }
    // The other end learns of the close by the end of the stream, whether or not this succeeds.
    let _ = stream.shutdown().await;
}

impl Channel for StreamChannel {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        self.writer
            .send((probe, length))
            .map_err(|_| ChannelError::Lost { peer: self.peer, reason: "it was closed".to_owned() })
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        self.inbox.poll(cx)
    }

    fn recovery(&self) -> Recovery {
        Recovery::default()
    }
}
