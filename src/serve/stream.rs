//! The service on TCP, and on TLS over TCP.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;

use super::{
    conversation::{
        Aborted, Carrier, Opening, StreamKind, answer_byte_stream, answer_measured_stream, transfer_on_stream,
    },
    error::ServeError,
    guard::Slot,
    refusal::Refusal,
    worker::Worker,
};
use crate::{
    path::{ByteStream, Connected, KernelTcp, LayeredStream, Listener, StreamLayer, timeout},
    transfer::bulk::moved,
    transport::tls::{self, fill_records},
};

/// The content type of a TLS record that holds a handshake (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Reply to a client that does not speak TLS: the alert `unexpected_message` for programs, and a line for people.
const NOT_TLS: &[u8] =
    b"\x15\x03\x03\x00\x02\x02\x0athis port speaks TLS: use tls:// or `openssl s_client -connect`\n";

pub(super) fn listen(
    worker: Worker,
    local: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> Result<SocketAddr, ServeError> {
    let listener = worker.host.tcp_listen(local)?;
    let local = listener.local_addr();
    Ok(worker.start("a listener", local, |worker| accept(Arc::new(worker), listener, tls.map(Into::into))))
}

async fn accept(worker: Arc<Worker>, mut listener: Box<dyn Listener>, tls: Option<TlsAcceptor>) {
    let mut draining = pin!(worker.tasks.draining());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connected) => {
                let admitted = worker.admission.connection(connected.peer.ip());
                if let Some(slot) = worker.count_refusal(admitted) {
                    let task = serve(worker.clone(), connected, tls.clone(), slot);
                    worker.tasks.spawn("a connection", task);
                }
            }
            Err(e) => worker.socket_failed(&e).await,
        }
        // Lets existing connections run between two new ones.
        tokio::task::yield_now().await;
    }
}

async fn serve(worker: Arc<Worker>, connected: Connected, tls: Option<TlsAcceptor>, slot: Slot) {
    let Connected { stream, peer, kernel, .. } = connected;
    let mut stream = LayeredStream { stream, layer: FreesSlot(&slot) };
    let Some(acceptor) = tls else {
        let established = Established { stream, peer, kernel, wire_bytes: |length| length as u64 };
        return tokio::select! {
            biased;
            () = answer(&worker, established, &slot) => {}
            () = slot.evicted() => worker.refuse(Refusal::Evicted),
        };
    };
    let handshake = async {
        let first = stream.read_u8().await?;
        if first != HANDSHAKE_RECORD {
            stream.write_all(NOT_TLS).await?;
            slot.keep();
            close_gracefully(stream).await?;
            return Err(io::ErrorKind::InvalidData.into());
        }
        acceptor.accept(LayeredStream { stream, layer: UnreadByte(Some(first)) }).await
    };
    match worker.handshake(&slot, handshake).await {
        Ok(mut stream) => {
            fill_records(stream.get_mut().1);
            let established = Established { stream, peer, kernel, wire_bytes: tls::wire_bytes };
            answer(&worker, established, &slot).await;
        }
        Err(refusal) => worker.refuse(refusal),
    }
}

/// A connection whose handshake is complete.
struct Established<S> {
    stream: S,
    peer: SocketAddr,
    kernel: Option<Box<dyn KernelTcp>>,
    /// How many bytes of TCP a message of this length takes.
    wire_bytes: fn(usize) -> u64,
}

/// Answers what comes on a connection until it ends.
async fn answer(worker: &Worker, established: Established<impl ByteStream>, slot: &Slot) {
    let Established { stream, peer, kernel, wire_bytes } = established;
    worker.connected(peer);
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = LayeredStream { stream: reader, layer: ProvenByFirstByte { unproven: Some(slot) } };
    let end = match answer_byte_stream(worker, peer.ip(), Carrier::Connection, &mut reader, &mut writer).await
    {
        Ok(Some(Opening { bytes, kind: StreamKind::Measured { message_len } })) => {
            answer_measured_stream(worker, peer.ip(), bytes, message_len, &mut reader, &mut writer).await
        }
        Ok(Some(Opening { bytes, kind: StreamKind::Transfer })) => {
            let moved = |received| moved(kernel.map(Arc::from), wire_bytes, received);
            transfer_on_stream(worker, peer, moved, bytes, &mut reader, &mut writer).await
        }
        end => end.map(drop),
    };
    if matches!(end, Err(Aborted::TooLong | Aborted::OtherVersion)) {
        slot.keep();
        let closing = close_gracefully(reader.stream.unsplit(writer));
        // On a timeout the connection is reset.
        let _ = timeout(&*worker.host, worker.handshake_limit(), closing).await;
    }
}

/// Frees the slot of a connection just before its end is sent.
#[derive(Debug)]
struct FreesSlot<'a>(&'a Slot);

impl<S> StreamLayer<S> for FreesSlot<'_> {
    fn closing(&mut self) {
        self.0.free();
    }
}

/// Proves a connection when its first byte is read.
#[derive(Debug)]
struct ProvenByFirstByte<'a> {
    unproven: Option<&'a Slot>,
}

impl<S> StreamLayer<S> for ProvenByFirstByte<'_> {
    fn read(&mut self, bytes: usize) {
        if bytes > 0
            && let Some(slot) = self.unproven.take()
        {
            slot.prove();
        }
    }
}

/// Ends the sending side, and discards what the peer still sends. Closing with unread bytes would reset the connection
/// and destroy what the peer has not read yet (RFC 1122 section 4.2.2.13).
async fn close_gracefully(mut stream: impl ByteStream) -> io::Result<()> {
    /// A peer that sends more than this is reset.
    const MAX_DISCARDED_BYTES: u64 = 64 * 1024;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MAX_DISCARDED_BYTES), &mut tokio::io::sink()).await.map(|_| ())
}

/// A byte that has been read, and is read again.
#[derive(Debug)]
struct UnreadByte(Option<u8>);

impl<S: AsyncRead> StreamLayer<S> for UnreadByte {
    fn poll_read(
        &mut self,
        stream: Pin<&mut S>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(byte) = self.0.take()
        {
            buffer.put_slice(&[byte]);
            return Poll::Ready(Ok(()));
        }
        stream.poll_read(cx, buffer)
    }
}
