//! Clients that request echoes and never read them, until all buffers are full.

use std::{
    future::{Future, poll_fn},
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    path::Path,
    pin::pin,
    sync::{Arc, mpsc},
    task::Poll,
};

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;
use wirelab::{
    arq::{Connection, ConnectionId},
    path::{Host, direct::DirectHost},
    transport::tls::ClientTls,
    unit::Time,
};

use super::{
    attacker,
    half_open::greet,
    support::{Server, client_tls},
};

const BLOCK: [u8; 16 * 1024] = [b'x'; 16 * 1024];
/// Blocks that each client tries to send: more than a server should hold for it.
const BLOCKS: usize = 64;
/// The receive buffer of the client.
const TAKES: u32 = 4096;

/// The TLS of a client that trusts the CA in `folder`.
pub(crate) fn tls_config(folder: &Path) -> rustls::ClientConfig {
    let runtime = wirelab::path::direct::runtime().unwrap();
    let _entered = runtime.enter();
    let host: Arc<dyn Host> = DirectHost::new().unwrap();
    let roots = wirelab::certs::roots(&folder.join("certs/ca.pem")).unwrap();
    let tls = ClientTls { server_name: "localhost".try_into().unwrap(), ..client_tls(roots) };
    tls.config(&host).unwrap()
}

pub(crate) fn of_tcp(server: &Server, count: usize) -> Vec<TcpStream> {
    let slow = |n| {
        let mut stream = connect(server.address("tcp"), n);
        stream.set_nonblocking(true).unwrap();
        fill(&mut stream);
        stream
    };
    (0..count).map(slow).collect()
}

pub(crate) fn of_tls(
    server: &Server,
    folder: &Path,
    count: usize,
) -> Vec<StreamOwned<ClientConnection, TcpStream>> {
    let config = Arc::new(tls_config(folder));
    let slow = |n| {
        let mut stream = connect(server.address("tls"), n);
        let mut tls = ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
        stream.set_nonblocking(true).unwrap();
        let mut stream = StreamOwned::new(tls, stream);
        fill(&mut stream);
        stream
    };
    (0..count).map(slow).collect()
}

fn connect(to: SocketAddr, n: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(TAKES as usize).unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.bind(&attacker(n).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    TcpStream::from(socket)
}

fn fill(stream: &mut impl Write) {
    for _ in 0..BLOCKS {
        match stream.write(&BLOCK) {
            Ok(_) => {}
            // The connection is full or was refused.
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(_) => break,
        }
    }
}

/// ARQ clients that do not even acknowledge. Returns how many were accepted.
pub(crate) fn of_arq(server: &Server, count: u64) -> (Vec<UdpSocket>, u64) {
    let to = server.address("arq");
    let mut let_in = 0;
    let slow = |n: u64| {
        let socket = UdpSocket::bind(attacker(usize::try_from(n).unwrap())).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
        if let Some(mut connection) = greet(&socket, to, ConnectionId(1 << 32 | n)) {
            let_in += 1;
            for _ in 0..BLOCKS {
                let _ = connection.send(Bytes::from_static(&BLOCK[..1000]));
            }
            while let Some(segment) = datagram(&mut connection) {
                socket.send_to(&segment, to).unwrap();
            }
        }
        socket
    };
    let sockets = (0..count).map(slow).collect();
    (sockets, let_in)
}

/// The datagram that the connection sends next.
pub(crate) fn datagram(connection: &mut Connection) -> Option<Vec<u8>> {
    connection.poll_transmit(Time::ZERO).map(|transmit| transmit.datagram)
}

/// QUIC clients. A thread keeps them alive until this is dropped.
pub(crate) struct Quic {
    _stop: oneshot::Sender<()>,
}

impl Quic {
    pub(crate) fn start(server: &Server, folder: &Path, count: usize) -> Self {
        let to = server.address("quic");
        let crypto = Arc::new(QuicClientConfig::try_from(tls_config(folder)).unwrap());
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut slow = Vec::new();
                for n in 0..count {
                    slow.push(slow_quic(to, crypto.clone(), n).await);
                }
                tell.send(()).unwrap();
                let _ = stopped.await;
            });
        });
        told.recv().unwrap();
        Self { _stop: stop }
    }
}

async fn slow_quic(
    to: SocketAddr,
    crypto: Arc<QuicClientConfig>,
    n: usize,
) -> (quinn::Endpoint, quinn::SendStream, quinn::RecvStream) {
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(TAKES.into());
    let mut config = quinn::ClientConfig::new(crypto);
    config.transport_config(Arc::new(transport));
    let mut endpoint = quinn::Endpoint::client(attacker(n)).unwrap();
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(to, "localhost").unwrap().await.unwrap();
    let (mut send, receive) = connection.open_bi().await.unwrap();
    for _ in 0..BLOCKS {
        let mut write = pin!(send.write(&BLOCK));
        if poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await.is_pending() {
            break;
        }
    }
    (endpoint, send, receive)
}
