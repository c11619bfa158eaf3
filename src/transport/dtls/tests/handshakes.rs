//! What a handshake survives: lost packets, early messages, garbage, and a client that begins anew.

use std::{net::SocketAddr, time::Duration};

use super::fixtures::{SERVER, echo, echo_world, garbage, link, settings, setup};
use crate::{
    certs,
    path::{Received, Side, sim::World},
    transport::dtls::{
        client::{self, ClientSocket},
        config::{self, Setup, Versions},
        connection::{Connection, Event},
        dial,
    },
    unit::PerDirection,
};

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

/// The third packet to the server is the client's last flight. The client sends many messages before it sends the
/// flight again, a second later. Over DTLS 1.2 a client sends no message before the server has finished.
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

/// The encrypted records in the answers of this server are replaced with garbage.
#[test]
fn garbage_begins_few_handshakes_anew() {
    let world = World::new(&PerDirection::both(link("delay=5ms")), 1);
    let (host, client_host) = (world.host(Side::Server), world.host(Side::Client));
    let (identity, _) = certs::ephemeral().unwrap();
    let address = SocketAddr::new(Side::Server.ip([0, 0, 0, 0].into()), 7000);
    let certificate = config::certificate(&*host, identity.p256.as_ref().unwrap(), address).unwrap();
    let config = Setup { cookie: false, ..setup(1) }.config(&*host, address).unwrap();
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
                connection.drain(|event| {
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
            let used = session.socket.local_addr();
            ports.push(used.port());
            drop(session);
            // A port is given again only after all others, and this was the first.
            let any = SocketAddr::new(used.ip(), 0);
            while host.udp_bind(any).unwrap().local_addr().port() != u16::MAX {}
        }
        ports
    });
    let ports = ports.unwrap();
    assert_eq!(ports[0], ports[1]);
    assert_eq!(world.counters().to_server.lost, 1);
}
