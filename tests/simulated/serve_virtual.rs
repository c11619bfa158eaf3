//! The servers and clients in virtual time: no wall time passes, and all runs give identical times.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::support::client_tls;
use wirelab::{
    certs,
    link::{LinkSpec, Loss},
    path::{Host, Side, sim::World},
    send::{self, Client, SendError},
    serve::{Bind, Options, Refusal, Server, Stopped},
    service::Service,
    transport::{
        Congestion, LossDetection, Scheme, Transport,
        quic::{QuicClient, QuicLimits, QuicSettings},
        tls::ClientTls,
    },
    unit::PerDirection,
};

const DELAY: Duration = Duration::from_millis(25);
const DRAIN: Duration = Duration::from_secs(5);

fn world(drops: &[u64]) -> World {
    let link =
        |drops: &[u64]| LinkSpec { delay: DELAY, loss: Loss::Drop(drops.to_vec()), ..LinkSpec::default() };
    World::new(&PerDirection { to_server: link(drops), to_client: link(&[]) }, 1)
}

fn options(service: Service) -> Options {
    let (identity, _) = certs::ephemeral().unwrap();
    let mut options = Options { identity: Some(identity), seed: Some(1), ..Options::new(service) };
    options.access.allow = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    options
}

fn client_options() -> send::Options {
    let (_, roots) = certs::ephemeral().unwrap();
    send::Options {
        timeout: Duration::from_secs(2),
        retries: 0,
        tls: client_tls(roots),
        shared_key: None,
        seed: Some(1),
    }
}

fn quic_client(host: &Arc<dyn Host>, like: SocketAddr, tls: &ClientTls) -> QuicClient {
    let settings = QuicSettings {
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        seed: Some(1),
        limits: QuicLimits::EXPERIMENT,
        tracers: Default::default(),
    };
    QuicClient::new(host, like, tls, &settings, None).unwrap()
}

struct Pair {
    client: Arc<dyn Host>,
    server: Server,
    address: SocketAddr,
}

fn pair(world: &World, scheme: &'static Scheme, options: Options) -> Pair {
    let host = world.host(Side::Server);
    let bind = Bind { scheme, local: "0.0.0.0:7000".parse().unwrap() };
    let server = Server::start(&host, &[bind], options).unwrap();
    let address = server.binds().next().unwrap().local;
    Pair { client: world.host(Side::Client), server, address }
}

/// Sends `messages` one after the other. Returns the replies and how long each took.
fn exchange(
    transport: Transport,
    drops: &[u64],
    service: Service,
    messages: &[&str],
) -> (Vec<(String, Duration)>, Stopped) {
    let world = world(drops);
    let scheme = transport.scheme();
    let Pair { client: host, server, address } = pair(&world, scheme, options(service));
    world
        .run(async {
            let options = send::Options { retries: 1, ..client_options() };
            let mut client = Client::connect(&host, transport, address, &options).await.unwrap();
            let mut replies = Vec::new();
            for message in messages {
                let reply = client.exchange(message.as_bytes()).await.unwrap();
                replies.push((String::from_utf8(reply.bytes).unwrap(), reply.took));
            }
            client.close().await;
            (replies, server.stop(DRAIN).await)
        })
        .unwrap()
}

#[test]
fn a_datagram_takes_one_round_trip_exactly() {
    let (replies, stopped) = exchange(Transport::UDP, &[], Service::Hello, &["Michael", "Tracy"]);
    assert_eq!(replies[0], ("Hello, Michael!".to_owned(), 2 * DELAY));
    assert_eq!(replies[1], ("Hello, Tracy!".to_owned(), 2 * DELAY));
    assert!(stopped.drained);
    let report = &stopped.reports[0];
    assert_eq!((report.messages, report.bytes_in, report.bytes_out, report.clients), (2, 12, 28, 1));
}

#[test]
fn a_lost_datagram_is_sent_again_when_its_time_is_up() {
    let (replies, _) = exchange(Transport::UDP, &[1], Service::Echo, &["a", "b"]);
    assert_eq!(replies[0].1, Duration::from_secs(2) + 2 * DELAY);
    assert_eq!(replies[1].1, 2 * DELAY);
}

#[test]
fn every_mapping_to_quic_and_every_variant_by_hand_serve_every_service() {
    for transport in Transport::QUIC.into_iter().chain(Transport::ARQ) {
        for service in Service::ALL {
            let (replies, stopped) = exchange(transport, &[], service, &["1", "2"]);
            let expected = match service {
                Service::Echo => "2",
                Service::Hello => "Hello, 2!",
                Service::Thanks => "thank you !",
                Service::Json => "{\"status\":\"ok\",\"value\":2,\"received\":\"2027-01-15T08:00:00.",
            };
            assert!(replies[1].0.starts_with(expected), "{transport} {service}: {}", replies[1].0);
            assert_eq!(stopped.reports[0].messages, 2, "{transport} {service}");
            assert!(stopped.drained, "{transport} {service}");
        }
    }
}

#[test]
fn a_quic_message_takes_one_round_trip_once_connected() {
    let (replies, _) = exchange(Transport::QUIC_MESSAGE, &[], Service::Hello, &["a", "b"]);
    assert_eq!(replies[1].1, 2 * DELAY);
}

#[test]
fn runs_do_not_differ() {
    let run = || exchange(Transport::QUIC_ONE, &[3, 5], Service::Json, &["1", "[2]", "x"]);
    assert_eq!(run(), run());
}

#[test]
fn every_address_of_a_server_is_tried() {
    for (transport, moments) in
        [(Transport::UDP, 2000), (Transport::QUIC_MESSAGE, 250), (Transport::ARQ_SELECTIVE, 250)]
    {
        let world = world(&[]);
        let Pair { client: host, server, address } = pair(&world, transport.scheme(), options(Service::Echo));
        let dead = SocketAddr::new(address.ip(), 6999);
        world
            .run(async {
                let (addresses, options) = ([dead, address], client_options());
                let connecting = Client::connect_any(&host, transport, &addresses, &options);
                let mut client = connecting.await.unwrap();
                assert_eq!(client.exchange(b"one").await.unwrap().bytes, b"one", "{transport}");
                let took = host.now().as_nanos() / 1_000_000;
                assert!((moments..moments + 300).contains(&took), "{transport}: {took} ms");
                assert_eq!(client.exchange(b"two").await.unwrap().took.as_millis(), 50, "{transport}");
                client.close().await;
                drop(server);
            })
            .unwrap();
    }
}

#[test]
fn a_service_that_amplifies_answers_only_allowed_clients() {
    let world = world(&[]);
    let mut options = options(Service::Thanks);
    options.access.allow.clear();
    let Pair { client: host, server, address } = pair(&world, Transport::UDP.scheme(), options);
    let (error, stopped) = world
        .run(async {
            let mut client =
                Client::connect(&host, Transport::UDP, address, &client_options()).await.unwrap();
            (client.exchange(b"x").await.unwrap_err(), server.stop(DRAIN).await)
        })
        .unwrap();
    assert_eq!(
        error.to_string(),
        "no reply to \"x\" from udp://10.0.0.2:7000 within 2s (1 try)",
        "and over the network nothing is said"
    );
    assert_eq!(stopped.reports[0].refusals(Refusal::NotAllowed), 1);
}

#[test]
fn the_echo_does_not_answer_a_port_that_answers_back() {
    let world = world(&[]);
    let Pair { client, server, address } = pair(&world, Transport::UDP.scheme(), options(Service::Echo));
    let stopped = world
        .run(async {
            for port in [7, 19, 53, 7000, 9999] {
                let socket = client.udp_bind(SocketAddr::new([10, 0, 0, 1].into(), port)).unwrap();
                socket.send(b"x", address, None).await.unwrap();
            }
            client.sleep(4 * DELAY).await;
            server.stop(DRAIN).await
        })
        .unwrap();
    assert_eq!(stopped.reports[0].refusals(Refusal::AnswersBack), 5);
    assert_eq!(stopped.reports[0].bytes_out, 0);
}

#[test]
fn two_echoes_of_one_server_cannot_be_set_on_each_other() {
    let world = world(&[]);
    let host = world.host(Side::Server);
    let binds = [
        (Transport::UDP.scheme(), 7000),
        (Transport::UDP.scheme(), 7001),
        (Transport::QUIC_ONE.scheme(), 7002),
    ]
    .map(|(scheme, port)| Bind { scheme, local: SocketAddr::new([0, 0, 0, 0].into(), port) });
    let server = Server::start(&host, &binds, options(Service::Echo)).unwrap();
    let address = server.binds().next().unwrap().local;
    let client = world.host(Side::Client);
    let stopped = world
        .run(async {
            for port in [7000, 7001, 7002] {
                let socket = client.udp_bind(SocketAddr::new([10, 0, 0, 1].into(), port)).unwrap();
                socket.send(b"x", address, None).await.unwrap();
            }
            client.sleep(4 * DELAY).await;
            server.stop(DRAIN).await
        })
        .unwrap();
    assert_eq!(stopped.reports[0].refusals(Refusal::AnswersBack), 3);
    assert_eq!(stopped.reports[0].bytes_out, 0);
}

#[test]
fn a_source_above_its_rate_is_answered_at_its_rate() {
    let world = world(&[]);
    let mut options = options(Service::Echo);
    options.access.rate = std::num::NonZeroU32::new(10);
    let Pair { client, server, address } = pair(&world, Transport::UDP.scheme(), options);
    let stopped = world
        .run(async {
            let socket = client.udp_connect(address).unwrap();
            for _ in 0..30 {
                socket.send(b"x", address, None).await.unwrap();
            }
            client.sleep(4 * DELAY).await;
            server.stop(DRAIN).await
        })
        .unwrap();
    assert_eq!(stopped.reports[0].messages, 11);
    assert_eq!(stopped.reports[0].refusals(Refusal::RateLimit), 19);
}

#[test]
fn an_idle_connection_is_closed_and_counted() {
    let world = world(&[]);
    let options = Options { idle: Duration::from_secs(10), ..options(Service::Echo) };
    let Pair { client: host, server, address } = pair(&world, Transport::QUIC_ONE.scheme(), options);
    let (error, stopped) = world
        .run(async {
            let options = client_options();
            let mut client = Client::connect(&host, Transport::QUIC_ONE, address, &options).await.unwrap();
            client.exchange(b"x").await.unwrap();
            host.sleep(Duration::from_secs(30)).await;
            (client.exchange(b"x").await.unwrap_err(), server.stop(DRAIN).await)
        })
        .unwrap();
    assert!(matches!(error, SendError::Ended { .. }), "{error}");
    assert!(stopped.reports[0].refusals(Refusal::Idle) > 0);
}

#[test]
fn a_message_that_silence_ends_is_answered_after_fifty_milliseconds() {
    let world = world(&[]);
    let Pair { client: host, server, address } =
        pair(&world, Transport::QUIC_ONE.scheme(), options(Service::Hello));
    world
        .run(async {
            let options = client_options();
            let client = quic_client(&host, address, &options.tls);
            let connection = client.connect(address).await.unwrap();
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            let start = host.now();
            send.write_all(b"one\ntwo").await.unwrap();
            let first = receive.read_chunk(1000, true).await.unwrap().unwrap();
            assert_eq!((&first.bytes[..], host.now() - start), (&b"Hello, one!\n"[..], 2 * DELAY));
            let second = receive.read_chunk(1000, true).await.unwrap().unwrap();
            let took = host.now() - start;
            assert_eq!(&second.bytes[..], b"Hello, two!", "no newline, because there was none");
            assert_eq!(took, 2 * DELAY + Duration::from_millis(50));
            server.stop(DRAIN).await
        })
        .unwrap();
}

#[test]
fn with_early_data_a_known_client_has_its_first_reply_after_one_round_trip() {
    for (offered, round_trips) in [(true, 1), (false, 2)] {
        let world = world(&[]);
        let options = Options { early_data: offered, ..options(Service::Hello) };
        let Pair { client: host, server, address } = pair(&world, Transport::QUIC_ONE.scheme(), options);
        world
            .run(async {
                let tls = ClientTls { early_data: true, ..client_options().tls };
                let client = quic_client(&host, address, &tls);
                let first = client.connect(address).await.unwrap();
                // Wait for the session ticket.
                host.sleep(4 * DELAY).await;
                first.close(0u32.into(), b"");
                let start = host.now();
                let (connection, _) = client.connect_early(address).await.unwrap();
                let (mut send, mut receive) = connection.open_bi().await.unwrap();
                send.write_all(b"again").await.unwrap();
                send.finish().unwrap();
                assert_eq!(receive.read_to_end(100).await.unwrap(), b"Hello, again!");
                assert_eq!(host.now() - start, round_trips * 2 * DELAY, "offered: {offered}");
                server.stop(DRAIN).await
            })
            .unwrap();
    }
}

#[test]
fn a_unidirectional_stream_is_refused_because_it_cannot_be_answered() {
    let world = world(&[]);
    let Pair { client: host, server, address } =
        pair(&world, Transport::QUIC_ONE.scheme(), options(Service::Echo));
    world
        .run(async {
            let client = quic_client(&host, address, &client_options().tls);
            let connection = client.connect(address).await.unwrap();
            let mut stream = connection.open_uni().await.unwrap();
            stream.write_all(b"not the beginning of a transfer").await.unwrap();
            stream.finish().unwrap();
            connection.closed().await;
            let stopped = server.stop(DRAIN).await;
            assert_eq!(stopped.reports[0].refusals(Refusal::Unanswerable), 1);
        })
        .unwrap();
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let world = world(&[]);
    let Pair { client: host, server, address } =
        pair(&world, Transport::QUIC_ONE.scheme(), options(Service::Hello));
    let (stopped, took) = world
        .run(async {
            let client = quic_client(&host, address, &client_options().tls);
            let connection = client.connect(address).await.unwrap();
            let (mut send, _receive) = connection.open_bi().await.unwrap();
            let never_silent = host.clone();
            host.spawn(
                "a client that never pauses",
                Box::pin(async move {
                    while send.write_all(b"x").await.is_ok() {
                        never_silent.sleep(Duration::from_millis(20)).await;
                    }
                }),
            );
            host.sleep(4 * DELAY).await;
            let start = host.now();
            (server.stop(DRAIN).await, host.now() - start)
        })
        .unwrap();
    assert!(!stopped.drained);
    // And a moment for clients to hear the end.
    assert_eq!(took, DRAIN + Duration::from_millis(20));
}

#[test]
fn an_arq_message_takes_a_round_trip_and_a_lost_one_waits_for_the_timer() {
    for transport in Transport::ARQ {
        // Two hellos, then the message.
        let (replies, stopped) = exchange(transport, &[3], Service::Hello, &["a", "b"]);
        assert_eq!(replies[0].1, Duration::from_millis(200) + 2 * DELAY, "{transport}");
        assert_eq!(replies[1], ("Hello, b!".to_owned(), 2 * DELAY), "{transport}");
        assert!(stopped.drained);
        let report = &stopped.reports[0];
        assert_eq!(
            (report.messages, report.clients, report.refused.iter().map(|(_, n)| n).sum()),
            (2, 1, 0u64)
        );
    }
}

#[test]
fn an_arq_client_learns_of_a_full_server_and_of_a_missing_one() {
    let world = world(&[]);
    let full = Options { max_connections: 1, max_connections_per_source: 1, ..options(Service::Echo) };
    let Pair { client: host, server, address } = pair(&world, Transport::ARQ_SELECTIVE.scheme(), full);
    world
        .run(async {
            let options = client_options();
            let connect = |address| Client::connect(&host, Transport::ARQ_SELECTIVE, address, &options);
            let mut first = connect(address).await.unwrap();
            assert_eq!(first.exchange(b"here").await.unwrap().bytes, b"here");
            // The client connects first and is refused then: the server answers its hello before it looks for a place.
            let refused = connect(address).await.unwrap().exchange(b"me too").await.unwrap_err().to_string();
            assert!(refused.contains("the server refused"), "{refused}");
            let nobody = SocketAddr::new(address.ip(), 1);
            let silence = connect(nobody).await.unwrap_err().to_string();
            assert!(silence.contains("ARQ handshake") && silence.contains("no answer within"), "{silence}");
            let stopped = server.stop(DRAIN).await;
            assert!(stopped.drained);
            assert_eq!(stopped.reports[0].refusals(wirelab::serve::Refusal::Connections), 1);
            let gone = first.exchange(b"still there?").await.unwrap_err().to_string();
            assert!(gone.contains("ended before the reply"), "{gone}");
        })
        .unwrap();
}
