//! The kernel's TCP in a namespace: the congestion controller is set per socket, and bytes are counted as they are
//! handed over.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use rustix::net::sockopt::set_tcp_congestion;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpSocket, TcpStream},
};

use super::Namespace;
use crate::{
    path::{
        BoxFuture, Connected, KernelTcp, Listener, PathError,
        direct::{Ports, tcp::TcpListener},
        tap::tcp::Connections,
    },
    unit::Direction,
};

/// What the TCP sockets of one host have in common.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) namespace: Arc<Namespace>,
    pub(super) connections: Connections,
    /// The kernel's name of the congestion controller.
    pub(super) controller: &'static str,
}

impl Tcp {
    pub(super) async fn connect(&self, peer: SocketAddr) -> Result<Connected, PathError> {
        let error = |e| PathError::from_io("connect to TCP", peer, e);
        let socket = self.socket(peer).map_err(error)?;
        self.control(&socket, peer)?;
        let stream = TcpSocket::from_std_stream(socket.into()).connect(peer).await.map_err(error)?;
        stream.set_nodelay(true).map_err(error)?;
        let local = stream.local_addr().map_err(error)?;
        self.connected(stream, peer, (local.port(), peer.port()), Direction::ToServer).map_err(error)
    }

    pub(super) fn listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        let error = |e| PathError::from_io("listen on TCP", local, e);
        let runtime = tokio::runtime::Handle::current();
        let bound = self.namespace.within(|| {
            let _runtime = runtime.enter();
            TcpListener::bind(local, Ports::Own)
        });
        let listener = bound.flatten().map_err(error)?;
        // Connections have it from the socket that they came to.
        self.control(&listener, local)?;
        Ok(Box::new(WireListener { listener, tcp: self.clone() }))
    }

    fn socket(&self, peer: SocketAddr) -> io::Result<Socket> {
        let new = || Socket::new(Domain::for_address(peer), Type::STREAM, Some(Protocol::TCP));
        let socket = self.namespace.within(new).flatten()?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    fn control(&self, socket: impl std::os::fd::AsFd, address: SocketAddr) -> Result<(), PathError> {
        set_tcp_congestion(socket, self.controller).map_err(|source| PathError::NoController {
            name: self.controller,
            address,
            source: source.into(),
        })
    }

    fn connected(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        ports: (u16, u16),
        outgoing: Direction,
    ) -> io::Result<Connected> {
        let written = Arc::<AtomicU64>::default();
        let tap = self.connections.tap(ports, outgoing, written.clone());
        let kernel = KernelTcp::new(&stream)?.on_wire(self.namespace.clone(), tap);
        Ok(Connected { stream: Box::new(Counted { stream, written }), peer, kernel: Some(kernel) })
    }
}

#[derive(Debug)]
struct WireListener {
    listener: TcpListener,
    tcp: Tcp,
}

impl Listener for WireListener {
    fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(async {
            let (stream, peer) = self.listener.accept_stream().await?;
            let ports = (peer.port(), self.listener.local_addr().port());
            let connected = self.tcp.connected(stream, peer, ports, Direction::ToClient);
            connected.map_err(|e| PathError::from_io("accept on TCP", peer, e))
        })
    }
}

/// A stream that counts the bytes that it has taken.
#[derive(Debug)]
struct Counted {
    stream: TcpStream,
    written: Arc<AtomicU64>,
}

impl Counted {
    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        written
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(written)
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
