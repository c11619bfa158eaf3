//! A service on TCP, and on TLS over it.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;

use super::{
    Refusal,
    converse::{Carrier, Over, converse},
    desk::{Desk, HANDSHAKE_LIMIT},
    probes::{Beginning, Kind, answer_stream},
    slots::Slot,
    transfers,
};
use crate::path::{ByteStream, Connected, Listener, timeout};

/// How long to wait before accepting again after that failed, as it does when no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);

/// The content type of a TLS record that holds a handshake (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// What one who does not speak TLS gets: the alert `unexpected_message`, by which programs know TLS, and a
/// line for people.
const NOT_TLS: &[u8] =
    b"\x15\x03\x03\x00\x02\x02\x0athis port speaks TLS: use tls:// or `openssl s_client -connect`\n";

pub(super) fn start(desk: Desk, listener: Box<dyn Listener>, tls: Option<TlsAcceptor>) {
    let tasks = desk.tasks.clone();
    tasks.spawn("a listener", accept(Arc::new(desk), listener, tls));
}

async fn accept(desk: Arc<Desk>, mut listener: Box<dyn Listener>, tls: Option<TlsAcceptor>) {
    let mut draining = pin!(desk.tasks.draining());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connected) => match desk.admit_connection(connected.peer.ip()) {
                Ok(slot) => {
                    let task = serve(desk.clone(), connected, tls.clone(), slot);
                    desk.tasks.spawn("a connection", task);
                }
                Err(refusal) => desk.counters.refuse(refusal),
            },
            Err(e) => {
                desk.options.observer.trouble(&desk.url, &e.to_string());
                desk.host.sleep(PAUSE).await;
            }
        }
        // What is there is served before the next one: however many come, none has to wait for all of them.
        tokio::task::yield_now().await;
    }
}

async fn serve(desk: Arc<Desk>, connected: Connected, tls: Option<TlsAcceptor>, slot: Slot) {
    let Connected { mut stream, peer, .. } = connected;
    let Some(acceptor) = tls else {
        return tokio::select! {
            biased;
            () = talk(&desk, peer, stream, &slot) => {}
            () = slot.displaced() => desk.counters.refuse(Refusal::Displaced),
        };
    };
    let handshake = async {
        let first = stream.read_u8().await?;
        if first != HANDSHAKE_RECORD {
            stream.write_all(NOT_TLS).await?;
            linger(stream).await?;
            return Err(io::ErrorKind::InvalidData.into());
        }
        acceptor.accept(Prefixed { first: Some(first), stream }).await
    };
    match desk.handshake(&slot, handshake).await {
        Ok(stream) => talk(&desk, peer, stream, &slot).await,
        Err(refusal) => desk.counters.refuse(refusal),
    }
}

async fn talk(desk: &Desk, peer: SocketAddr, stream: impl ByteStream, slot: &Slot) {
    desk.welcome(peer);
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = Proving { reader, unproven: Some(slot) };
    // Whatever cut it short has been counted where it was known.
    let end = match converse(desk, (Carrier::Connection, peer.ip()), &mut reader, &mut writer).await {
        Ok(Some(Beginning { bytes, kind: Kind::Experiment(length) })) => {
            answer_stream(desk, peer.ip(), (bytes, length), (&mut reader, &mut writer)).await
        }
        Ok(Some(Beginning { bytes, kind: Kind::Transfer })) => {
            transfers::on_stream(desk, peer, bytes, (&mut reader, &mut writer)).await
        }
        end => end.map(drop),
    };
    if end == Err(Over::TooLong) {
        let limit = HANDSHAKE_LIMIT.min(desk.options.idle);
        // Who still does not stop is cut off.
        let _ = timeout(&*desk.host, limit, linger(reader.reader.unsplit(writer))).await;
    }
}

/// A reader whose first byte proves the connection.
#[derive(Debug)]
struct Proving<'a, R> {
    reader: R,
    unproven: Option<&'a Slot>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Proving<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.reader).poll_read(cx, buffer);
        if buffer.filled().len() > before
            && let Some(slot) = self.unproven.take()
        {
            slot.prove();
        }
        read
    }
}

/// Says that no more will come, and reads what the peer still sends: closing with bytes unread would reset
/// the connection, and destroy what the peer has not read yet (RFC 1122 section 4.2.2.13).
async fn linger(mut stream: impl ByteStream) -> io::Result<()> {
    /// Whoever sends more than this does not listen.
    const PATIENCE_BYTES: u64 = 64 * 1024;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(PATIENCE_BYTES), &mut tokio::io::sink()).await.map(|_| ())
}

/// A stream whose first byte has been read, and is read again.
#[derive(Debug)]
struct Prefixed<S> {
    first: Option<u8>,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// Several records leave in one write: a flight is one packet, and an alert behind it is not forgotten.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
