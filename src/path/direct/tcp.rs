//! The kernel's TCP.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::Ports;
use crate::path::{BoxFuture, Connected, KernelTcp, Listener, PathError};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

pub(super) async fn connect(peer: SocketAddr) -> Result<Connected, PathError> {
    let error = |e| PathError::from_io("connect to TCP", peer, e);
    let stream = tokio::net::TcpStream::connect(peer).await.map_err(error)?;
    // A message is sent when it is due, not when Nagle's algorithm sees fit (RFC 896).
    stream.set_nodelay(true).map_err(error)?;
    Ok(connected(stream, peer))
}

fn connected(stream: tokio::net::TcpStream, peer: SocketAddr) -> Connected {
    let kernel = KernelTcp::new(&stream).ok();
    Connected { stream: Box::new(stream), peer, kernel }
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
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        super::bind(&socket, local, ports)?;
        socket.listen(BACKLOG)?;
        let listener = tokio::net::TcpListener::from_std(socket.into())?;
        let local = listener.local_addr()?;
        Ok(Self { listener, local })
    }

    /// The next connection, as tokio has it.
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

impl Listener for TcpListener {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Connected, PathError>> {
        Box::pin(async {
            let (stream, peer) = self.accept_stream().await?;
            Ok(connected(stream, peer))
        })
    }
}
