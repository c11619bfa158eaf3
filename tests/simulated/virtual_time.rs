//! Client and server code in virtual time: exact times and no waiting.
//!
//! The figures are the same on every run, in debug and release builds. Tests that spell them out check that.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::support::client_tls;
use wirelab::{
    certs,
    channel::{self, Exchange, Reading, Settings},
    link::{LinkSpec, Loss},
    path::{
        Host, Side,
        sim::{Limits, World},
        timeout,
    },
    transport::{
        Congestion, LossDetection, SessionSettings, Transport,
        arq::{ArqLimits, ArqSettings},
        quic::{self, QuicClient, QuicLimits, QuicSettings},
        tls::{ClientTls, ServerTls},
    },
    unit::{PerDirection, Time, nanos},
    wire::{MessageId, Probe},
};

const DELAY: Duration = Duration::from_millis(25);
const MS: u64 = 1_000_000;

fn settings() -> Settings {
    let (identity, roots) = certs::ephemeral().unwrap();
    Settings {
        exchange: Exchange::Answers,
        flows: 1,
        request: 1000,
        reply: 1000,
        reading: Reading::Unordered,
        session: SessionSettings {
            quic: QuicSettings {
                congestion: Congestion::Cubic,
                loss_detection: LossDetection::default(),
                seed: Some(1),
                limits: QuicLimits::EXPERIMENT,
                tracers: Default::default(),
            },
            arq: ArqSettings {
                congestion: Congestion::Cubic,
                loss_detection: LossDetection::default(),
                seed: Some(1),
                max_datagram: 1472,
                limits: ArqLimits::EXPERIMENT,
                tracer: None,
            },
            client_tls: ClientTls { early_data: true, ..client_tls(roots) },
            server_tls: Some(ServerTls { identity, early_data: true, key_log: None }),
            shared_key: Some(wirelab::transport::SharedKey::new(&[7; 32])),
            tcp_tracer: None,
        },
        taps: None,
    }
}

/// A world with 25 ms each way that drops these packets on the way to the server.
fn world(drops: &[u64]) -> World {
    let clear = LinkSpec { delay: DELAY, ..LinkSpec::default() };
    let lossy = LinkSpec { loss: Loss::Drop(drops.to_vec()), ..clear.clone() };
    World::new(&PerDirection { to_server: lossy, to_client: clear }, 1)
}

fn any_port() -> SocketAddr {
    "0.0.0.0:4433".parse().unwrap()
}

fn server_address() -> SocketAddr {
    SocketAddr::new(Side::Server.ip(any_port().ip()), 4433)
}

/// Sends `messages` echoes, one every 10 ms, and returns the time until the first message was sent, then the latency
/// of each reply in order of arrival.
fn echoes(transport: Transport, drops: &[u64], messages: u64) -> (u64, Vec<u64>) {
    let world = world(drops);
    let (client, server) = (world.host(Side::Client), world.host(Side::Server));
    let settings = settings();
    let run = async {
        let mut acceptor = channel::listen(&server, transport, any_port(), &settings).unwrap();
        server.spawn(
            "the echo server",
            Box::pin(async move {
                let mut channel = acceptor.accept().await.unwrap();
                while let Ok(request) = channel.recv().await {
                    channel.send(request.probe, 1000).unwrap();
                }
            }),
        );
        let mut channel = channel::connect(&client, transport, server_address(), &settings).await.unwrap();
        let connected = client.now().as_nanos();
        let mut latencies = Vec::new();
        for seq in 0..messages {
            let probe = Probe::new(MessageId { flow: 0, seq }, client.now());
            channel.send(probe, 1000).unwrap();
            let next = Duration::from_millis(10);
            let until = client.now() + next;
            while let Ok(reply) = timeout(&*client, until - client.now(), channel.recv()).await {
                let reply = reply.unwrap();
                latencies.push(nanos(reply.released - reply.probe.due));
            }
        }
        while let Ok(reply) = timeout(&*client, Duration::from_secs(5), channel.recv()).await {
            let reply = reply.unwrap();
            latencies.push(nanos(reply.released - reply.probe.due));
        }
        (connected, latencies)
    };
    world.run(run).unwrap()
}

#[test]
fn a_udp_round_trip_is_twice_the_delay_to_the_nanosecond() {
    assert_eq!(echoes(Transport::UDP, &[], 10), (0, vec![50 * MS; 10]));
}

#[test]
fn a_lost_datagram_is_never_answered_and_delays_nobody() {
    assert_eq!(echoes(Transport::UDP, &[3, 4], 10), (0, vec![50 * MS; 8]));
}

#[test]
fn quic_connects_in_one_round_trip_and_has_its_first_reply_after_two() {
    for transport in Transport::QUIC {
        let (connected, latencies) = echoes(transport, &[], 10);
        assert_eq!(connected, 50 * MS, "{transport}");
        assert_eq!(latencies, vec![50 * MS; 10], "{transport}");
    }
}

/// With a message every 10 ms, a packet lost 25 ms after the start is detected by the third acknowledgement
/// behind it (RFC 9002 section 6.1.1): 50 ms for the round trip and 30 ms for three messages.
#[test]
fn one_drop_delays_one_stream_message_by_a_round_trip_and_three_intervals() {
    let (_, latencies) = echoes(Transport::QUIC_MESSAGE, &[13], 20);
    let mut sorted = latencies.clone();
    sorted.sort_unstable();
    assert_eq!(sorted[..19], vec![50 * MS; 19]);
    let lost = sorted[19];
    assert!(lost > 50 * MS + 50 * MS && lost < 50 * MS + 50 * MS + 31 * MS, "{lost}");
}

#[test]
fn the_same_drops_lead_to_the_same_nanoseconds_in_100_runs() {
    for transport in [Transport::UDP, Transport::QUIC_ONE, Transport::QUIC_DATAGRAM] {
        let first = echoes(transport, &[9, 12, 13], 20);
        for _ in 1..100 {
            assert_eq!(echoes(transport, &[9, 12, 13], 20), first, "{transport}");
        }
    }
}

/// Spelled out, so that debug and release builds, and all machines of one architecture, agree.
#[test]
fn one_stream_under_drops_has_these_latencies_and_no_others() {
    let (_, latencies) = echoes(Transport::QUIC_ONE, &[9, 12, 13], 20);
    insta::assert_debug_snapshot!(latencies.iter().map(|ns| ns / 1000).collect::<Vec<_>>());
}

/// A QUIC server that echoes every stream and accepts early data.
fn serve_streams(host: &Arc<dyn Host>, settings: &Settings) {
    let server = quic::listen(
        host,
        any_port(),
        settings.session.server_tls.as_ref().unwrap(),
        &settings.session.quic,
        None,
    )
    .unwrap();
    let spawner = host.clone();
    host.spawn(
        "the stream server",
        Box::pin(async move {
            while let Some(incoming) = server.endpoint.accept().await {
                let Ok((connection, _)) = incoming.accept().unwrap().into_0rtt() else { return };
                spawner.spawn(
                    "a connection",
                    Box::pin(async move {
                        while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                            let request = receive.read_to_end(1000).await.unwrap();
                            send.write_all(&request).await.unwrap();
                            send.finish().unwrap();
                        }
                    }),
                );
            }
        }),
    );
}

async fn echo(connection: &quinn::Connection) {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(b"hello").await.unwrap();
    send.finish().unwrap();
    assert_eq!(receive.read_to_end(1000).await.unwrap(), b"hello");
}

#[test]
fn with_early_data_the_first_reply_comes_after_one_round_trip() {
    let world = world(&[]);
    let (client, server) = (world.host(Side::Client), world.host(Side::Server));
    let settings = settings();
    let run = async {
        serve_streams(&server, &settings);
        let quic = QuicClient::new(
            &client,
            server_address(),
            &settings.session.client_tls,
            &settings.session.quic,
            None,
        )
        .unwrap();
        let cold = client.now();
        let connection = quic.connect(server_address()).await.unwrap();
        echo(&connection).await;
        let cold = nanos(client.now() - cold);
        // The session ticket is still in flight.
        client.sleep(Duration::from_secs(1)).await;

        let resumed = client.now();
        let (connection, early) = quic.connect_early(server_address()).await.unwrap();
        echo(&connection).await;
        let resumed = nanos(client.now() - resumed);
        (cold, resumed, early.unwrap().await)
    };
    assert_eq!(world.run(run).unwrap(), (100 * MS, 50 * MS, true));
}

#[test]
fn a_run_that_deadlocks_is_an_error() {
    let world = world(&[]);
    let client = world.host(Side::Client);
    let run = async {
        client.spawn("somebody who waits for ever", Box::pin(std::future::pending()));
        let socket = client.udp_bind("0.0.0.0:1".parse().unwrap()).unwrap();
        socket.recv(&mut [0; 10]).await
    };
    let stalled = world.run(run).unwrap_err().to_string();
    assert!(stalled.contains("is deadlocked at 0.000000000 s"), "{stalled}");
    assert!(stalled.contains("somebody who waits for ever"), "{stalled}");
}

#[test]
fn a_run_that_never_advances_time_is_an_error() {
    let limits = Limits { polls_per_instant: 1000, ..Limits::default() };
    let world = world(&[]).with_limits(limits);
    let run = std::future::poll_fn(|cx: &mut std::task::Context<'_>| {
        cx.waker().wake_by_ref();
        std::task::Poll::<()>::Pending
    });
    let stalled = world.run(run).unwrap_err().to_string();
    assert!(stalled.contains("is livelocked: 1001 polls"), "{stalled}");
}

#[test]
fn a_run_that_goes_on_for_too_long_is_an_error() {
    let limits = Limits { until: Time::ZERO + Duration::from_secs(10), ..Limits::default() };
    let world = world(&[]).with_limits(limits);
    let client = world.host(Side::Client);
    let run = async {
        loop {
            client.sleep(Duration::from_secs(1)).await;
        }
    };
    let stalled: Result<(), _> = world.run(run);
    let stalled = stalled.unwrap_err().to_string();
    assert!(stalled.contains("did not complete by 10.000000000 s"), "{stalled}");
}

#[test]
fn tcp_is_refused_in_virtual_time_with_the_way_out() {
    let world = world(&[]);
    let client = world.host(Side::Client);
    let refused = world.run(async { client.tcp_connect(server_address()).await });
    let line = refused.unwrap().unwrap_err().to_string();
    assert!(line.contains("--path netns"), "{line}");
    assert!(!line.contains("  "), "{line}");
}

#[test]
fn a_port_is_given_again_only_when_no_other_is_left() {
    let host = world(&[]).host(Side::Client);
    let bind = || host.udp_bind("0.0.0.0:0".parse().unwrap()).unwrap();
    let kept = bind();
    let first = bind().local_addr().port();
    let until_first_again = (1u16..).take_while(|_| bind().local_addr().port() != first).count();
    // All but the first and the one that is kept.
    assert_eq!(until_first_again, usize::from(u16::MAX - kept.local_addr().port()) - 1);
}
