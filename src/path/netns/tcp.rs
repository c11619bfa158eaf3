//! The kernel's TCP in a namespace, with a congestion controller set per socket.

use std::{io, net::SocketAddr, sync::Arc};

use rustix::net::sockopt::set_tcp_congestion;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use super::namespace::Namespace;
use crate::path::{
    BoxFuture, Connected, Listener, PathError,
    direct::{Counted, Ports, TcpListener},
    kernel_tcp::KernelSocket,
    layered::LayeredStream,
};

/// What the TCP sockets of one host share.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) namespace: Arc<Namespace>,
    /// The kernel's name of the congestion controller.
    pub(super) controller: &'static str,
    /// Whether the namespace has at most one connection at a time.
    pub(super) is_alone: bool,
}

impl Tcp {
    pub(super) async fn connect(&self, peer: SocketAddr) -> Result<Connected, PathError> {
        let error = |e| PathError::from_client_io("connect to TCP", peer, e);
        let socket = self.socket(peer).map_err(error)?;
        self.control(&socket, peer)?;
        let stream = TcpSocket::from_std_stream(socket.into()).connect(peer).await.map_err(error)?;
        stream.set_nodelay(true).map_err(error)?;
        self.connected(stream, peer).map_err(error)
    }

    pub(super) fn listen(&self, local: SocketAddr) -> Result<Box<dyn Listener>, PathError> {
        let error = |e| PathError::from_server_io("listen on TCP", local, e);
        let runtime = tokio::runtime::Handle::current();
        let bound = self.namespace.within(|| {
            let _runtime = runtime.enter();
            TcpListener::bind(local, Ports::Own)
        });
        let listener = bound.flatten().map_err(error)?;
        // Accepted connections inherit it.
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

    fn connected(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<Connected> {
        let kernel = KernelSocket::new(&stream)?;
        let kernel = if self.is_alone { kernel.alone_in(self.namespace.clone()) } else { kernel };
        let local = stream.local_addr()?;
        Ok(Connected {
            stream: Box::new(LayeredStream { stream, layer: Counted }),
            local,
            peer,
            kernel: Some(Box::new(kernel)),
        })
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
            self.tcp.connected(stream, peer).map_err(|e| PathError::from_io("accept on TCP", peer, e))
        })
    }
}
