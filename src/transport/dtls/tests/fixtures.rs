//! A server in virtual time, and clients with a socket of their own.

use std::{net::SocketAddr, time::Duration};

use crate::{
    certs,
    link::LinkSpec,
    path::{DatagramError, Received, Side, sim::World},
    transport::{
        Congestion, DatagramSession, LossDetection, Session, SessionSettings,
        arq::{ArqLimits, ArqSettings},
        dtls::{
            client::ClientSocket,
            config::{Setup, Versions},
            listen,
        },
        quic::{QuicLimits, QuicSettings},
        security::{CertificateVerdict, ClientTls, ServerTls, Trust},
    },
    unit::PerDirection,
};

pub(super) const SERVER: &str = "0.0.0.0:7000";

pub(super) fn link(settings: &str) -> LinkSpec {
    settings.parse().unwrap()
}

pub(super) fn settings(seed: u64) -> SessionSettings {
    let (identity, roots) = certs::ephemeral().unwrap();
    let (congestion, loss_detection) = (Congestion::Fixed(1_000_000), LossDetection::default());
    let seed = Some(seed);
    SessionSettings {
        quic: QuicSettings {
            congestion,
            loss_detection,
            seed,
            limits: QuicLimits::EXPERIMENT,
            tracers: Default::default(),
        },
        arq: ArqSettings {
            congestion,
            loss_detection,
            seed,
            max_datagram: 1472,
            limits: ArqLimits::EXPERIMENT,
            tracer: None,
        },
        client_tls: ClientTls {
            trust: Trust::Roots(roots),
            server_name: certs::EPHEMERAL_NAME.try_into().unwrap(),
            early_data: false,
            sessions: None,
            key_log: None,
            verdict: CertificateVerdict::default(),
        },
        server_tls: Some(ServerTls { identity, early_data: false, key_log: None }),
        shared_key: None,
        tcp_tracer: None,
    }
}

pub(super) fn setup(seed: u64) -> Setup {
    let versions = Versions::Both;
    Setup { max_datagram: 1472, seed: Some(seed), limit: Duration::from_secs(9), cookie: true, versions }
}

/// A world with an echo server in it, and the server's address.
pub(super) fn echo_world(to_server: &str, to_client: &str, cookie: bool) -> (World, SocketAddr) {
    let links = PerDirection { to_server: link(to_server), to_client: link(to_client) };
    let world = World::new(&links, 1);
    let host = world.host(Side::Server);
    let mut listening = listen(&host, SERVER.parse().unwrap(), settings(1).listen(), cookie).unwrap();
    let address = SocketAddr::new(Side::Server.ip([0, 0, 0, 0].into()), listening.local_addr().port());
    host.spawn(
        "an echo",
        Box::pin(async move {
            let Ok(Session::Datagrams(session)) = listening.accept().await else { return };
            let mut buffer = vec![0; 65535];
            while let Ok(Received { len, from, .. }) = session.socket.recv(&mut buffer).await {
                session.socket.send(&buffer[..len], from, None).await.unwrap();
            }
        }),
    );
    (world, address)
}

pub(super) async fn echo(
    session: &DatagramSession,
    server: SocketAddr,
    message: &[u8],
) -> Result<(), DatagramError> {
    session.socket.send(message, server, None).await?;
    let mut buffer = vec![0; 65535];
    let received = session.socket.recv(&mut buffer).await?;
    assert!(buffer[..received.len] == *message, "another message came back");
    Ok(())
}

/// A datagram that looks encrypted.
pub(super) fn garbage() -> Vec<u8> {
    // The header of a record of the handshake's epoch in DTLS 1.3, with a length.
    [&[0b0010_1110, 0, 7, 0, 40][..], &[0x5a; 40]].concat()
}

impl ClientSocket {
    /// Receives a forged datagram of the server.
    pub(super) fn inject(&self, server: SocketAddr, datagram: &[u8]) {
        let received = Received { len: datagram.len(), from: server, to: None, transit: None, more: false };
        self.receive(&mut self.state(), received, datagram);
    }

    /// How many handshakes were begun.
    pub(super) fn handshakes(&self) -> u64 {
        self.state().handshakes
    }
}
