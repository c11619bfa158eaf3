//! The kernel's TCP.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{
    bind::{self, Ports},
    linger::Linger,
};
use crate::path::{
    BoxFuture, Connected, KernelTcp, Listener, PathError, Timers, kernel_tcp::KernelSocket,
    layered::LayeredStream,
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

pub(super) async fn connect(peer: SocketAddr, timers: Arc<Timers>) -> Result<Connected, PathError> {
    let error = |e| PathError::from_client_io("connect to TCP", peer, e);
    let stream = tokio::net::TcpStream::connect(peer).await.map_err(error)?;
    // A message is sent when it is due, not when Nagle's algorithm sees fit (RFC 896).
    stream.set_nodelay(true).map_err(error)?;
    let local = stream.local_addr().map_err(error)?;
    Ok(connected(stream, local, peer, timers))
}

fn connected(
    stream: tokio::net::TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    timers: Arc<Timers>,
) -> Connected {
    let kernel = KernelSocket::new(&stream).ok().map(|socket| Box::new(socket) as Box<dyn KernelTcp>);
    Connected { stream: Box::new(LayeredStream { stream, layer: Linger::new(timers) }), local, peer, kernel }
}

#[derive(Debug)]
pub(in crate::path) struct TcpListener {
    listener: tokio::net::TcpListener,
    local: SocketAddr,
}

impl TcpListener {
    pub(in crate::path) fn bind(local: SocketAddr, ports: Ports) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(local), Type::STREAM, Some(Protocol::TCP))?;
        if local.is_ipv6() {
            socket.set_only_v6(!local.ip().is_unspecified())?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        bind::bind(&socket, local, ports)?;
        socket.listen(BACKLOG)?;
        let listener = tokio::net::TcpListener::from_std(socket.into())?;
        let local = listener.local_addr()?;
        Ok(Self { listener, local })
    }

    /// The address that it listens on.
    pub(in crate::path) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next connection, as tokio's stream.
    pub(in crate::path) async fn accept_stream(
        &self,
    ) -> Result<(tokio::net::TcpStream, SocketAddr), PathError> {
        let error = |e| PathError::from_io("accept on TCP", self.local, e);
        let (stream, peer) = self.listener.accept().await.map_err(error)?;
        stream.set_nodelay(true).map_err(error)?;
        Ok((stream, peer))
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// A listener whose connections use these timers.
#[derive(Debug)]
pub(super) struct TimedListener {
    pub(super) listener: TcpListener,
    pub(super) timers: Arc<Timers>,
}

impl Listener for TimedListener {
    fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(async {
            let (stream, peer) = self.listener.accept_stream().await?;
            Ok(connected(stream, self.local_addr(), peer, self.timers.clone()))
        })
    }
}
