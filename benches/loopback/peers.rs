//! Minimal programs that our channels are compared with.

use std::{
    future::Future,
    net::{SocketAddr, UdpSocket},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use quinn::{
    Connection, Endpoint, RecvStream, SendStream, TransportConfig,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use tokio::runtime::{Builder, Runtime};
use wirelab::{
    certs,
    path::{Host, direct::DirectHost},
};

use super::{
    Echo, LENGTH,
    common::{any_port, tls},
};

/// Two blocking sockets of the standard library.
pub(super) struct BlockingUdp {
    socket: UdpSocket,
}

impl BlockingUdp {
    pub(super) fn start() -> Self {
        let server = UdpSocket::bind(any_port()).expect("a socket");
        let socket = UdpSocket::bind(any_port()).expect("a socket");
        socket.connect(server.local_addr().expect("an address")).expect("a peer");
        thread::spawn(move || {
            let mut buffer = [0; 65_535];
            while let Ok((length, from)) = server.recv_from(&mut buffer) {
                server.send_to(&buffer[..length], from).expect("a socket that takes it");
            }
        });
        Self { socket }
    }
}

impl Echo for BlockingUdp {
    #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
    fn exchange(&mut self, messages: u64, window: u64) -> Duration {
        let message = [7; LENGTH];
        let mut buffer = [0; 65_535];
        let send = || self.socket.send(&message).expect("a socket that takes it");
        let start = Instant::now();
        let first = messages.min(window);
        for _ in 0..first {
            send();
        }
        for received in 1..=messages {
            self.socket.recv(&mut buffer).expect("an echo");
            if received + first <= messages {
                send();
            }
        }
        start.elapsed()
    }
}

/// quinn with its own runtime and defaults, but our TLS, so that it encrypts with the same cipher.
pub(super) struct Quinn {
    runtime: Runtime,
    mapping: Mapping,
    connection: Connection,
    _endpoint: Endpoint,
}

enum Mapping {
    OneStream(SendStream, RecvStream),
    StreamPerMessage,
    Datagrams,
}

impl Quinn {
    /// All messages on one stream.
    pub(super) fn one_stream() -> Self {
        Self::one_stream_to(listen(transport(), |connection| async move {
            let (mut send, mut receive) = connection.accept_bi().await?;
            let mut message = [0; LENGTH];
            while receive.read_exact(&mut message).await.is_ok() {
                send.write_all(&message).await?;
            }
            Ok(())
        }))
    }

    /// A stream for each message and its echo.
    pub(super) fn stream_per_message() -> Self {
        Self::stream_per_message_to(listen(transport(), |connection| async move {
            loop {
                let (mut send, mut receive) = connection.accept_bi().await?;
                let message = receive.read_to_end(LENGTH).await?;
                send.write_all(&message).await?;
                send.finish()?;
            }
        }))
    }

    /// A DATAGRAM frame for each message and its echo (RFC 9221).
    pub(super) fn datagrams() -> Self {
        Self::datagrams_to(listen(transport(), |connection| async move {
            loop {
                let message = connection.read_datagram().await?;
                connection.send_datagram(message)?;
            }
        }))
    }

    /// [`Quinn::one_stream`], to a running echo server.
    pub(super) fn one_stream_to(server: SocketAddr) -> Self {
        Self::connect(server, |connection| async move {
            let (send, receive) = connection.open_bi().await?;
            Ok(Mapping::OneStream(send, receive))
        })
    }

    /// [`Quinn::stream_per_message`], to a running echo server.
    pub(super) fn stream_per_message_to(server: SocketAddr) -> Self {
        Self::connect(server, |_| async { Ok(Mapping::StreamPerMessage) })
    }

    /// [`Quinn::datagrams`], to a running echo server.
    pub(super) fn datagrams_to(server: SocketAddr) -> Self {
        Self::connect(server, |_| async { Ok(Mapping::Datagrams) })
    }

    fn connect<C>(server: SocketAddr, open: impl FnOnce(Connection) -> C) -> Self
    where
        C: Future<Output = anyhow::Result<Mapping>>,
    {
        let runtime = runtime();
        let (endpoint, connection, mapping) = runtime.block_on(async {
            let endpoint = client(transport());
            let connecting = endpoint.connect(server, certs::EPHEMERAL_NAME).expect("a configuration");
            let connection = connecting.await.expect("a connection");
            let mapping = open(connection.clone()).await.expect("a stream");
            (endpoint, connection, mapping)
        });
        Self { runtime, mapping, connection, _endpoint: endpoint }
    }
}

pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(super) fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    // The connection is idle while others are measured.
    transport.max_idle_timeout(None);
    transport
}

pub(super) fn client(transport: TransportConfig) -> Endpoint {
    let host: Arc<dyn Host> = DirectHost::new().expect("a host");
    let crypto = QuicClientConfig::try_from(tls().0.config(&host).expect("TLS")).expect("TLS 1.3");
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(transport.into());
    let mut endpoint = Endpoint::client(any_port()).expect("a socket");
    endpoint.set_default_client_config(config);
    endpoint
}

/// Starts a server on a thread of its own, which ends with the program.
pub(super) fn listen<S: Future<Output = anyhow::Result<()>> + Send>(
    transport: TransportConfig,
    serve: impl FnOnce(Connection) -> S + Send + 'static,
) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().expect("a host");
            let crypto = QuicServerConfig::try_from(tls().1.config(&host).expect("TLS")).expect("TLS 1.3");
            let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
            config.transport_config(transport.into());
            let endpoint = Endpoint::server(config, any_port()).expect("a socket");
            tell.send(endpoint.local_addr().expect("an address")).expect("somebody who waits for it");
            let incoming = endpoint.accept().await.expect("a client");
            // Ends with the client.
            let _ = serve(incoming.await.expect("a connection")).await;
        });
    });
    told.recv().expect("a server")
}

impl Echo for Quinn {
    #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
    fn exchange(&mut self, messages: u64, window: u64) -> Duration {
        let Self { runtime, mapping, connection, .. } = self;
        let first = messages.min(window);
        runtime.block_on(async {
            let start = Instant::now();
            let exchanged = match mapping {
                Mapping::OneStream(send, receive) => on_one_stream(send, receive, messages, first).await,
                Mapping::StreamPerMessage => on_streams(connection, messages, first).await,
                Mapping::Datagrams => by_datagram(connection, messages, first).await,
            };
            exchanged.expect("echoes");
            start.elapsed()
        })
    }
}

static MESSAGE: Bytes = Bytes::from_static(&[7; LENGTH]);

async fn on_one_stream(
    send: &mut SendStream,
    receive: &mut RecvStream,
    messages: u64,
    first: u64,
) -> anyhow::Result<()> {
    let mut echo = [0; LENGTH];
    for _ in 0..first {
        send.write_all(&MESSAGE).await?;
    }
    for received in 1..=messages {
        receive.read_exact(&mut echo).await?;
        if received + first <= messages {
            send.write_all(&MESSAGE).await?;
        }
    }
    Ok(())
}

async fn on_streams(connection: &Connection, messages: u64, first: u64) -> anyhow::Result<()> {
    let mut open = std::collections::VecDeque::new();
    for _ in 0..first {
        open.push_back(send_on_stream(connection).await?);
    }
    for received in 1..=messages {
        let Some(mut receive) = open.pop_front() else { break };
        receive.read_to_end(LENGTH).await?;
        if received + first <= messages {
            open.push_back(send_on_stream(connection).await?);
        }
    }
    Ok(())
}

async fn send_on_stream(connection: &Connection) -> anyhow::Result<RecvStream> {
    let (mut send, receive) = connection.open_bi().await?;
    send.write_all(&MESSAGE).await?;
    send.finish()?;
    Ok(receive)
}

async fn by_datagram(connection: &Connection, messages: u64, first: u64) -> anyhow::Result<()> {
    for _ in 0..first {
        connection.send_datagram(MESSAGE.clone())?;
    }
    for received in 1..=messages {
        connection.read_datagram().await?;
        if received + first <= messages {
            connection.send_datagram(MESSAGE.clone())?;
        }
    }
    Ok(())
}
