//! What only the inside can show: versions and cookies chosen, records changed, recordings replayed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::Rng;

use super::*;
use crate::{
    certs,
    link::LinkSpec,
    path::{DatagramError, Exit, Observer, Observers, PacketView, Received, Side, sim::World},
    transport::{
        Congestion, SessionSettings, Transport,
        arq::{ArqLimits, ArqSettings},
        dtls::connection::{Connection, Event},
        quic::{QuicLimits, QuicSettings},
        security::{CertificateVerdict, ClientTls, ServerTls, Trust},
    },
    unit::{Direction, Mutex, PerDirection, random},
};

const SERVER: &str = "0.0.0.0:7000";

fn link(settings: &str) -> LinkSpec {
    let mut link = LinkSpec::default();
    link.apply_pairs(settings).unwrap();
    link
}

fn settings(seed: u64) -> SessionSettings {
    let (identity, roots) = certs::ephemeral().unwrap();
    let congestion = Congestion::Fixed(1_000_000);
    let seed = Some(seed);
    SessionSettings {
        quic: QuicSettings { congestion, seed, limits: QuicLimits::EXPERIMENT },
        arq: ArqSettings { congestion, seed, max_datagram: 1472, limits: ArqLimits::EXPERIMENT },
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
    }
}

fn setup(seed: u64) -> Setup {
    let versions = Versions::Both;
    Setup { max_datagram: 1472, seed: Some(seed), limit: Duration::from_secs(9), cookie: true, versions }
}

/// A world with an echo server in it, and the server's address.
fn echo_world(to_server: &str, to_client: &str, cookie: bool) -> (World, SocketAddr) {
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

async fn echo(session: &DatagramSession, server: SocketAddr, message: &[u8]) -> Result<(), DatagramError> {
    session.socket.send(message, server, None).await?;
    let mut buffer = vec![0; 65535];
    let received = session.socket.recv(&mut buffer).await?;
    assert!(buffer[..received.len] == *message, "another message came back");
    Ok(())
}

/// RFC 9147 figure 6 and RFC 6347 figure 1.
#[test]
fn the_first_reply_takes_the_round_trips_of_the_standards() {
    for (versions, cookie, round_trips) in [
        (Versions::Both, false, 2),
        (Versions::Both, true, 3),
        (Versions::Dtls12, false, 3),
        (Versions::Dtls12, true, 4),
    ] {
        let (world, server) = echo_world("delay=5ms", "delay=5ms", cookie);
        let host = world.host(Side::Client);
        let took = world.run(async {
            let session = dial(&host, server, settings(2).dial(), versions).await.unwrap();
            echo(&session, server, b"hello").await.unwrap();
            host.now()
        });
        let expected = Duration::from_millis(10) * round_trips;
        assert_eq!(took.unwrap() - crate::unit::Time::ZERO, expected, "{versions:?}, cookie: {cookie}");
    }
}

#[test]
fn the_largest_message_fills_a_packet_exactly() {
    let (world, server) = echo_world("delay=5ms,mtu=1500", "delay=5ms,mtu=1500", true);
    let host = world.host(Side::Client);
    let most = (Transport::DTLS.spec().datagram.unwrap().max_message)(1500);
    assert_eq!(most, 1500 - 28 - record::OVERHEAD);
    world
        .run(async {
            let session = dial(&host, server, settings(2).dial(), Versions::Both).await.unwrap();
            echo(&session, server, &vec![1; most]).await.unwrap();
            let longer = echo(&session, server, &vec![1; most + 1]).await;
            assert!(matches!(longer, Err(DatagramError::TooLarge { .. })), "{longer:?}");
        })
        .unwrap();
    assert_eq!((Transport::DTLS.spec().datagram.unwrap().max_message)(65535), record::MAX_PLAINTEXT);
}

/// Any packet of a handshake may be lost: the numbers are those of the packets to the server, or to the client.
#[test]
fn a_handshake_survives_the_loss_of_any_of_its_packets() {
    for versions in [Versions::Both, Versions::Dtls12] {
        for lost in 1..=4 {
            let lossy = format!("delay=5ms,loss=drop:{lost}");
            for (to_server, to_client) in [(&*lossy, "delay=5ms"), ("delay=5ms", &*lossy)] {
                let (world, server) = echo_world(to_server, to_client, true);
                let host = world.host(Side::Client);
                world
                    .run(async {
                        let session = dial(&host, server, settings(2).dial(), versions).await.unwrap();
                        // The first message may be the packet that is lost, or come before the client's last flight.
                        while crate::path::timeout(
                            &*host,
                            Duration::from_secs(1),
                            echo(&session, server, b"hi"),
                        )
                        .await
                        .is_err()
                        {}
                    })
                    .unwrap();
                let took = world.now();
                assert!(took.as_nanos() < 4_000_000_000, "{versions:?} {to_server} {to_client}: {took}");
            }
        }
    }
}

/// The third packet to the server is the client's last flight. The client sends many messages before it sends the flight
/// again, a second later. Over DTLS 1.2 a client sends no message before the server has finished.
#[test]
fn messages_before_the_last_flight_do_not_prevent_a_session() {
    let (world, server) = echo_world("delay=5ms,loss=drop:3", "delay=5ms", true);
    let host = world.host(Side::Client);
    let answered = world.run(async {
        let session = dial(&host, server, settings(2).dial(), Versions::Both).await.unwrap();
        for _ in 0..100 {
            session.socket.send(b"early", server, None).await.unwrap();
        }
        let wait = host.sleep_until(host.now() + Duration::from_secs(2));
        let mut buffer = [0; 100];
        tokio::select! {
            biased;
            received = session.socket.recv(&mut buffer) => panic!("{received:?}"),
            () = wait => {}
        }
        let echo = echo(&session, server, b"late");
        crate::path::timeout(&*host, Duration::from_secs(1), echo).await.is_ok()
    });
    assert!(answered.unwrap());
    assert_eq!(world.counters().to_server.lost, 1);
}

/// A datagram that looks encrypted.
fn garbage() -> Vec<u8> {
    // The header of a record of the handshake's epoch in DTLS 1.3, with a length.
    [&[0b0010_1110, 0, 7, 0, 40][..], &[0x5a; 40]].concat()
}

/// A client connects although every millisecond somebody sends it datagrams that it cannot open.
#[test]
fn garbage_does_not_prevent_a_handshake() {
    let (world, server) = echo_world("delay=5ms", "delay=5ms", true);
    let host = world.host(Side::Client);
    let client = ClientSocket::new(&host, server, setup(2), &settings(2).client_tls, None).unwrap();
    let took = world.run(async {
        let mut connecting = std::pin::pin!(client.connected());
        loop {
            tokio::select! {
                biased;
                done = &mut connecting => break done.unwrap(),
                () = host.sleep_until(host.now() + Duration::from_millis(1)) => client.inject(server, &garbage()),
            }
        }
        host.now()
    });
    assert!(took.unwrap() - crate::unit::Time::ZERO < Duration::from_millis(500));
    assert_eq!(client.handshakes(), 1);
}

/// A server whose answers arrive without their encrypted records, and with garbage instead.
#[test]
fn garbage_begins_few_handshakes_anew() {
    let world = World::new(&PerDirection::both(link("delay=5ms")), 1);
    let (host, client_host) = (world.host(Side::Server), world.host(Side::Client));
    let (identity, _) = certs::ephemeral().unwrap();
    let address = SocketAddr::new(Side::Server.ip([0, 0, 0, 0].into()), 7000);
    let certificate = config::certificate(identity.p256.as_ref().unwrap(), address).unwrap();
    let config = Setup { cookie: false, ..setup(1) }.config(address).unwrap();
    let socket = host.udp_bind(SERVER.parse().unwrap()).unwrap();
    let serving = host.clone();
    host.spawn(
        "a server",
        Box::pin(async move {
            let mut buffer = vec![0; 65535];
            while let Ok(Received { len, from, .. }) = socket.recv(&mut buffer).await {
                let mut connection = Connection::server(config.clone(), certificate.clone(), &*serving);
                connection.receive(serving.now(), &buffer[..len]).unwrap();
                let mut hellos = Vec::new();
                connection.drain(&mut Vec::new(), |event| {
                    if let Event::Packet(packet) = event {
                        let length = usize::from(u16::from_be_bytes([packet[11], packet[12]]));
                        hellos.extend(packet.get(..13 + length).map(<[u8]>::to_vec));
                    }
                });
                for datagram in hellos.iter().take(1).chain([&garbage(); 10]) {
                    socket.send(datagram, from, None).await.unwrap();
                }
            }
        }),
    );
    let setup = Setup { limit: client::HANDSHAKE_LIMIT, ..setup(2) };
    let client = ClientSocket::new(&client_host, address, setup, &settings(2).client_tls, None).unwrap();
    let ten_seconds = client_host.sleep_until(client_host.now() + Duration::from_secs(10));
    world
        .run(async {
            tokio::select! {
                biased;
                done = client.connected() => panic!("{done:?}"),
                () = ten_seconds => {}
            }
        })
        .unwrap();
    assert_eq!(client.handshakes(), 4, "the first, and three anew");
}

#[test]
fn a_session_survives_garbage_of_every_kind() {
    let mut generator = random::generator(1, 1);
    let (world, server) = echo_world("delay=5ms", "delay=5ms", true);
    let host = world.host(Side::Client);
    let client = ClientSocket::new(&host, server, setup(2), &settings(2).client_tls, None).unwrap();
    let client = Arc::new(client);
    let session = DatagramSession { socket: client.clone(), peer: Some(server) };
    world
        .run(async {
            client.connected().await.unwrap();
            for first in (0..=u8::MAX).cycle().take(10_000) {
                let mut datagram = garbage();
                generator.fill_bytes(&mut datagram);
                datagram[0] = first;
                client.inject(server, &datagram);
                client.inject(server, &garbage());
            }
            echo(&session, server, b"alive").await.unwrap();
        })
        .unwrap();
    assert_eq!(client.handshakes(), 1);
}

impl ClientSocket {
    /// Receives a forged datagram of the server.
    fn inject(&self, server: SocketAddr, datagram: &[u8]) {
        let received = Received { len: datagram.len(), from: server, to: None, transit: None, more: false };
        self.receive(&mut self.state(), received, datagram);
    }

    /// How many handshakes were begun.
    fn handshakes(&self) -> u64 {
        self.state().handshakes
    }
}

/// The fifth packet to the server says goodbye. Without it the server still has the session as its client begins anew,
/// from the same port.
#[test]
fn a_client_that_begins_anew_at_the_same_address_replaces_its_session() {
    let (world, server) = echo_world("delay=5ms,loss=drop:5", "delay=5ms", true);
    let host = world.host(Side::Client);
    let ports = world.run(async {
        let mut ports = Vec::new();
        for seed in [2, 3] {
            let session = dial(&host, server, settings(seed).dial(), Versions::Both).await.unwrap();
            echo(&session, server, b"hello").await.unwrap();
            ports.push(session.socket.local_addr().port());
        }
        ports
    });
    let ports = ports.unwrap();
    assert_eq!(ports[0], ports[1]);
    assert_eq!(world.counters().to_server.lost, 1);
}

/// A client's and a server's connection after their handshake.
fn connected(versions: Versions) -> (Connection, Connection) {
    let world = World::new(&PerDirection::both(link("delay=1ms")), 1);
    let (host, address) = (world.host(Side::Server), SERVER.parse().unwrap());
    let setup = |seed| Setup { versions, ..setup(seed) };
    let (identity, _) = certs::ephemeral().unwrap();
    let certificate = config::certificate(identity.p256.as_ref().unwrap(), address).unwrap();
    let mut client = Connection::client(setup(1).config(address).unwrap(), versions, &*host);
    let mut server = Connection::server(setup(2).config(address).unwrap(), certificate, &*host);
    let mut scratch = Vec::new();
    let mut is_connected = [false; 2];
    client.run_timers(host.now()).unwrap();
    for turn in 0..12 {
        let (from, to) = if turn % 2 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
        let mut packets = Vec::new();
        from.drain(&mut scratch, |event| match event {
            Event::Packet(packet) => packets.push(packet.to_vec()),
            Event::Connected => is_connected[turn % 2] = true,
            _ => {}
        });
        packets.iter().for_each(|packet| to.receive(host.now(), packet).unwrap());
    }
    assert_eq!(is_connected, [true; 2], "{versions:?}");
    (client, server)
}

fn sealed(connection: &mut Connection, message: &[u8]) -> Vec<u8> {
    let mut packets = Vec::new();
    connection.send(message).unwrap();
    connection.drain(&mut Vec::new(), |event| {
        if let Event::Packet(packet) = event {
            packets.push(packet.to_vec());
        }
    });
    assert_eq!(packets.len(), 1);
    packets.remove(0)
}

/// What `connection` makes of a datagram: the messages in it, or `None` if it ended the connection.
fn opened(connection: &mut Connection, datagram: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut messages = Vec::new();
    let done = connection.receive(crate::unit::Time::ZERO, datagram);
    connection.drain(&mut Vec::new(), |event| match event {
        Event::Data(message) => messages.push(message.to_vec()),
        Event::Closed => messages.push(b"closed".to_vec()),
        _ => {}
    });
    done.is_ok().then_some(messages)
}

#[test]
fn records_with_a_flipped_bit_are_dropped_and_the_session_goes_on() {
    let mut generator = random::generator(1, 1);
    for versions in [Versions::Both, Versions::Dtls12] {
        let (mut client, mut server) = connected(versions);
        for number in 0..100_000_u32 {
            // A record number has 16 bits: a receiver that misses more than half of them in a row loses count.
            if number % 10_000 == 0 {
                let intact = sealed(&mut client, b"intact");
                assert_eq!(opened(&mut server, &intact), Some(vec![b"intact".to_vec()]), "{versions:?}");
            }
            let mut datagram = sealed(&mut client, &number.to_be_bytes());
            let bit = generator.next_u64() as usize % (datagram.len() * 8);
            datagram[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&mut server, &datagram), Some(vec![]), "{versions:?}: bit {bit}");
        }
        let intact = sealed(&mut client, b"intact");
        assert_eq!(opened(&mut server, &intact), Some(vec![b"intact".to_vec()]), "{versions:?}");
        assert_eq!(opened(&mut server, &intact), Some(vec![]), "a replay");
    }
}

/// RFC 9147 section 4.5.2.
#[test]
fn alerts_and_records_that_nobody_signed_do_not_end_a_session() {
    for versions in [Versions::Both, Versions::Dtls12] {
        let (mut client, mut server) = connected(versions);
        for (kind, body) in [
            (21, &[2, 40][..]),
            (21, &[1, 0]),
            (22, &[1, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 2, 0, 0]),
            (20, &[1]),
            (23, b"payload"),
            (26, &[0, 0]),
            (99, b"?"),
        ] {
            let header = [kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77, 0, body.len() as u8];
            assert_eq!(opened(&mut server, &[&header, body].concat()), Some(vec![]), "{versions:?} {kind}");
        }
        assert_eq!(opened(&mut server, b""), Some(vec![]));
        let two = [sealed(&mut client, b"one"), sealed(&mut client, b"two")].concat();
        assert_eq!(opened(&mut server, &two), Some(vec![b"one".to_vec(), b"two".to_vec()]), "{versions:?}");
    }
}

/// Records the datagrams to the server.
struct Recorder(Arc<Mutex<Vec<Vec<u8>>>>);

impl Observer for Recorder {
    fn entered(&mut self, packet: &PacketView<'_>) {
        if packet.direction == Direction::ToServer {
            self.0.lock().extend(packet.datagram().map(<[u8]>::to_vec));
        }
    }
    fn left(&mut self, _: &PacketView<'_>, _: Exit) {}
}

/// A million datagrams of a recorded session, from its own address and from another: nothing reaches the application. The
/// first hello from another address is answered as any is, by a request for a cookie; the replayed cookie is a wrong one.
#[test]
fn a_recorded_session_that_is_replayed_reaches_nobody_and_takes_no_memory() {
    const MESSAGES: usize = 96;
    let recording = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let mut observers = Observers::default();
    observers.push(Box::new(Recorder(recording.clone())));
    let world = World::new(&PerDirection::both(link("delay=5ms")), 1).with_observers(observers);
    let (host, client_host) = (world.host(Side::Server), world.host(Side::Client));
    let session = settings(1);
    let leaf = session.server_tls.as_ref().unwrap().identity.p256.as_ref().unwrap();
    // A seed would make one secret for all cookies.
    let setup = Setup { seed: None, ..setup(1) };
    let server = ServerSocket::new(&host, SERVER.parse().unwrap(), &setup, leaf, None, None).unwrap();
    let server = Arc::new(server);
    let address = SocketAddr::new(Side::Server.ip([0, 0, 0, 0].into()), 7000);
    let serving = server.clone();
    host.spawn(
        "an echo",
        Box::pin(async move {
            let socket: Arc<dyn crate::path::Datagrams> = serving;
            let mut buffer = vec![0; 65535];
            while let Ok(Received { len, from, .. }) = socket.recv(&mut buffer).await {
                socket.send(&buffer[..len], from, None).await.unwrap();
            }
        }),
    );
    let client = world.run(async {
        let client = dial(&client_host, address, settings(2).dial(), Versions::Both).await.unwrap();
        for _ in 0..MESSAGES {
            echo(&client, address, b"recorded").await.unwrap();
        }
        client
    });
    let client = client.unwrap();
    let own = SocketAddr::new(Side::Client.ip([0, 0, 0, 0].into()), client.socket.local_addr().port());
    let other = SocketAddr::from(([192, 0, 2, 66], 9));
    let recording = std::mem::take(&mut *recording.lock());
    assert!(recording.len() >= MESSAGES + 3);
    let answers = || world.counters().to_client.packets;
    let before = answers();
    for _ in 0..500_000 / recording.len() {
        for (datagram, from) in recording.iter().flat_map(|datagram| [(datagram, own), (datagram, other)]) {
            let received = Received { len: datagram.len(), from, to: None, transit: None, more: false };
            server.replay(received, datagram);
        }
    }
    assert_eq!(server.kept(), (2, 1), "the session, and a hello without a cookie");
    assert_eq!(answers() - before, 1);
    world.run(async { echo(&client, address, b"alive").await.unwrap() }).unwrap();
}

impl ServerSocket {
    /// Receives a datagram, of which nothing may reach the application.
    fn replay(&self, received: Received, datagram: &[u8]) {
        let mut state = self.state();
        state.peers.receive(received, datagram);
        assert_eq!(state.peers.inbox.pop(&mut [0; 100]), None);
    }

    /// Addresses that it keeps a state for, and those that are unproven.
    fn kept(&self) -> (usize, usize) {
        let state = self.state();
        (state.peers.peers.len(), state.peers.unproven.len())
    }
}
