//! What a session survives: garbage, changed records, forged alerts, and a recording that is replayed.

use std::{net::SocketAddr, sync::Arc};

use rand::Rng;

use super::fixtures::{SERVER, echo, echo_world, garbage, link, settings, setup};
use crate::{
    certs,
    path::{DatagramError, Exit, Host, Observer, Observers, PacketView, Received, Side, sim::World},
    transport::{
        DatagramSession, Transport,
        dtls::{
            client::ClientSocket,
            config::{self, Setup, Versions},
            connection::{Connection, Event},
            dial, record,
            server::ServerSocket,
        },
    },
    unit::{Direction, Mutex, PerDirection, random},
};

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

/// A client's and a server's connection after their handshake.
fn connected(versions: Versions) -> (Connection, Connection) {
    let world = World::new(&PerDirection::both(link("delay=1ms")), 1);
    let host = world.host(Side::Server);
    host.randomness().unwrap().within(|| connected_on(&*host, versions))
}

fn connected_on(host: &dyn Host, versions: Versions) -> (Connection, Connection) {
    let address = SERVER.parse().unwrap();
    let setup = |seed| Setup { versions, ..setup(seed) };
    let (identity, _) = certs::ephemeral().unwrap();
    let certificate = config::certificate(host, identity.p256.as_ref().unwrap(), address).unwrap();
    let mut client = Connection::client(setup(1).config(host, address).unwrap(), versions, host);
    let mut server = Connection::server(setup(2).config(host, address).unwrap(), certificate, host);
    let mut is_connected = [false; 2];
    client.run_timers(host.now()).unwrap();
    for turn in 0..12 {
        let (from, to) = if turn % 2 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
        let mut packets = Vec::new();
        from.drain(|event| match event {
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
    connection.drain(|event| {
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
    connection.drain(|event| match event {
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

/// A million datagrams of a recorded session, from its own address and from another: nothing reaches the application.
/// The first hello from another address is answered as any is, by a request for a cookie; the replayed cookie is a
/// wrong one.
#[test]
fn a_recorded_session_that_is_replayed_reaches_nobody_and_takes_no_memory() {
    const MESSAGES: usize = 96;
    let recording = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let mut observers = Observers::default();
    observers.push(Box::new(Recorder(recording.clone())));
    let world = World::new(&PerDirection::both(link("delay=5ms")), 1).with_observers(observers);
    let (host, client_host) = (world.host(Side::Server), world.host(Side::Client));
    let session = settings(1);
    let tls = session.server_tls.as_ref().unwrap();
    // A seed would make one secret for all cookies.
    let setup = Setup { seed: None, ..setup(1) };
    let server = ServerSocket::new(&host, SERVER.parse().unwrap(), &setup, tls, None, None).unwrap();
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
    /// Receives a datagram. Nothing of it may reach the application.
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
