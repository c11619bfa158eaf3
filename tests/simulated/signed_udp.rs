//! Signed UDP: changed, forged and replayed datagrams never reach the application.

use std::{sync::Arc, time::Duration};

use ring::hmac;

use crate::support::{client_tls, workload};
use wirelab::{
    certs,
    experiment::{Observers, PathKind, Plan, Workload, run},
    link::LinkSpec,
    path::{Elapsed, Host, Side, StopSignal, sim::World, timeout},
    send::{self, Client},
    serve::{Bind, Options, Refusal, Server},
    service::Service,
    transport::{Congestion, LossDetection, SharedKey, Transport},
    unit::PerDirection,
};

fn link(settings: &str) -> LinkSpec {
    settings.parse().unwrap()
}

fn key() -> SharedKey {
    SharedKey::new(&[7; 32])
}

/// A simulated world without loss, a signed echo server in it, and a client's host.
struct Setup {
    world: World,
    server: Server,
    client: Arc<dyn Host>,
}

impl Setup {
    fn new() -> Self {
        let world = World::new(&PerDirection::both(link("delay=5ms")), 1);
        let options = Options { shared_key: Some(key()), seed: Some(1), ..Options::new(Service::Echo) };
        let bind = Bind { scheme: Transport::UDP_HMAC.scheme(), local: "0.0.0.0:7000".parse().unwrap() };
        let server = Server::start(&world.host(Side::Server), &[bind], options).unwrap();
        let client = world.host(Side::Client);
        Self { world, server, client }
    }
}

fn client_options(key: SharedKey) -> send::Options {
    let (_, roots) = certs::ephemeral().unwrap();
    send::Options {
        timeout: Duration::from_secs(1),
        retries: 0,
        tls: client_tls(roots),
        shared_key: Some(key),
        seed: Some(1),
    }
}

/// 100,000 requests with a changed bit each: none is delivered, and each is rejected before it is parsed.
#[test]
fn a_flipped_bit_never_reaches_the_application() {
    let clear = link("delay=1ms");
    let plan = |transport| Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection { to_server: link("delay=1ms,corrupt=100%"), to_client: clear.clone() },
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        workload: Workload {
            flows: 1,
            interval: Duration::from_millis(1),
            length: 64,
            reply_length: 64,
            warmup: Duration::ZERO,
            ..workload(Duration::from_secs(100))
        },
    };
    let outcome =
        run(&plan(Transport::UDP_HMAC), 1, Observers::default(), &StopSignal::default()).unwrap().messages;
    assert_eq!((outcome.scheduled, outcome.lost, outcome.delivered), (100_000, 100_000, 0));
    assert_eq!((outcome.rejected, outcome.corrupted), (Some(100_000), 0));
    // Raw UDP hands all of them on. The receiver recognises those whose first four bytes are still the probe's.
    let outcome =
        run(&plan(Transport::UDP), 1, Observers::default(), &StopSignal::default()).unwrap().messages;
    assert_eq!((outcome.rejected, outcome.delivered), (None, 0));
    assert!(outcome.corrupted > 93_000, "{}", outcome.corrupted);
}

#[test]
fn a_doubled_datagram_is_delivered_once() {
    let doubled = link("delay=1ms,duplicate=100%");
    let plan = Plan {
        path: PathKind::Sim,
        transport: Transport::UDP_HMAC,
        links: PerDirection::both(doubled),
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        workload: Workload { warmup: Duration::ZERO, ..workload(Duration::from_secs(1)) },
    };
    let outcome = run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap().messages;
    assert_eq!((outcome.delivered, outcome.duplicated), (outcome.scheduled, 0));
    // The second copy of each request and of each reply but the last, with which the run ends.
    assert_eq!(outcome.rejected, Some(2 * outcome.scheduled - 1));
}

#[test]
fn a_message_is_answered_in_one_round_trip_and_only_to_those_who_know_the_key() {
    let Setup { world, server, client } = Setup::new();
    let address = server.binds().next().unwrap().local;
    let stopped = world
        .run(async {
            let connect = |key| async {
                Client::connect(&client, Transport::UDP_HMAC, address, &client_options(key)).await
            };
            let mut friend = connect(key()).await.unwrap();
            let reply = friend.exchange(b"hello").await.unwrap();
            assert_eq!((&reply.bytes[..], reply.took), (&b"hello"[..], Duration::from_millis(10)));
            let mut stranger = connect(SharedKey::new(&[8; 32])).await.unwrap();
            let silence = stranger.exchange(b"hello").await.unwrap_err().to_string();
            assert!(silence.ends_with("; a server with another key does not answer"), "{silence}");
            server.stop(Duration::from_secs(1)).await
        })
        .unwrap();
    let report = &stopped.reports[0];
    assert_eq!((report.messages, report.refusals(Refusal::Forged)), (1, 1));
}

/// A datagram as the documentation describes it.
fn signed(payload: &[u8], sender: u64, counter: u64) -> Vec<u8> {
    let body = [payload, &sender.to_be_bytes(), &counter.to_be_bytes()].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), &body);
    [&body, tag.as_ref()].concat()
}

/// A recording of 100 datagrams is sent again 10,000 times from another address. Nothing comes back.
#[test]
fn a_session_replayed_a_million_times_gets_no_answer() {
    const DATAGRAMS: u64 = 100;
    const TIMES: u64 = 10_000;
    let Setup { world, server, client } = Setup::new();
    let address = server.binds().next().unwrap().local;
    let recording: Vec<_> = (0..DATAGRAMS).map(|counter| signed(b"recorded", 42, 1_000 + counter)).collect();
    let stopped = world
        .run(async {
            let any = "0.0.0.0:0".parse().unwrap();
            let (friend, attacker) = (client.udp_bind(any).unwrap(), client.udp_bind(any).unwrap());
            let mut buffer = [0; 1500];
            for datagram in &recording {
                friend.send(datagram, address, None).await.unwrap();
                let reply = friend.recv(&mut buffer).await.unwrap();
                assert!(buffer[..reply.len].starts_with(b"recorded"));
            }
            for _ in 0..TIMES {
                for datagram in &recording {
                    attacker.send(datagram, address, None).await.unwrap();
                }
                client.sleep(Duration::from_micros(100)).await;
            }
            let heard = timeout(&*client, Duration::from_secs(1), attacker.recv(&mut buffer)).await;
            assert!(matches!(heard, Err(Elapsed(_))), "a replay was answered");
            server.stop(Duration::from_secs(1)).await
        })
        .unwrap();
    let report = &stopped.reports[0];
    assert_eq!((report.messages, report.clients), (DATAGRAMS, 1), "those that were recorded");
    assert_eq!(report.refusals(Refusal::Replayed), DATAGRAMS * TIMES);
}
