//! DTLS: what arrives is what was sent, from whom it says, once; and servers keep within their limits.

use std::{sync::Arc, time::Duration};

use crate::support::{client_tls, workload};
use wirelab::{
    certs,
    experiment::{Observers, PathKind, Plan, Workload, cell, run},
    link::LinkSpec,
    path::{Host, Side, StopSignal, sim::World},
    send::{self, Client},
    serve::{Bind, Options, Refusal, Server, Stopped},
    service::Service,
    transport::{Congestion, LossDetection, Transport, tls::ClientTls},
    unit::PerDirection,
};

fn link(settings: &str) -> LinkSpec {
    settings.parse().unwrap()
}

fn plan(settings: &str) -> Plan {
    Plan {
        path: PathKind::Sim,
        transport: Transport::DTLS,
        links: PerDirection::both(link(settings)),
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        workload: Workload {
            interval: Duration::from_millis(1),
            warmup: Duration::ZERO,
            ..workload(Duration::from_secs(2))
        },
    }
}

#[test]
fn two_runs_are_equal() {
    let plan = plan("delay=5ms,jitter=2ms,loss=5%,corrupt=1%,duplicate=1%");
    let outcomes = [(); 2].map(|()| run(&plan, 1, Observers::default(), &StopSignal::default()).unwrap());
    assert!(outcomes[0].messages.rejected > Some(0) && outcomes[0].messages.corrupted == 0);
    // A record with a changed number counts as forged or as replayed, depending on the keys. Keys do not come from the
    // seed.
    let [first, second] = outcomes.map(|outcome| cell(&plan, &[(1, outcome)]));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

#[test]
fn doubled_and_reordered_records_are_each_delivered_once() {
    let doubled = run(&plan("delay=5ms,duplicate=100%"), 1, Observers::default(), &StopSignal::default())
        .unwrap()
        .messages;
    assert_eq!((doubled.delivered, doubled.duplicated), (doubled.scheduled, 0));
    assert!(doubled.rejected >= Some(2 * doubled.scheduled - 1), "{:?}", doubled.rejected);
    let reordered = run(&plan("delay=20ms,jitter=10ms"), 1, Observers::default(), &StopSignal::default())
        .unwrap()
        .messages;
    assert_eq!((reordered.delivered, reordered.rejected), (reordered.scheduled, Some(0)));
    assert!(reordered.reordered > 0);
}

/// A simulated world without loss, an echo server in it, and a client's host.
struct Setup {
    world: World,
    server: Server,
    client: Arc<dyn Host>,
}

impl Setup {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        Self::with(World::new(&PerDirection::both(link("delay=5ms")), 1), change)
    }

    fn with(world: World, change: impl FnOnce(&mut Options)) -> Self {
        let (identity, _) = certs::ephemeral().unwrap();
        let mut options = Options { identity: Some(identity), seed: Some(1), ..Options::new(Service::Echo) };
        change(&mut options);
        let bind = Bind { scheme: Transport::DTLS.scheme(), local: "0.0.0.0:7000".parse().unwrap() };
        let server = Server::start(&world.host(Side::Server), &[bind], options).unwrap();
        let client = world.host(Side::Client);
        Self { world, server, client }
    }

    /// Runs `clients`, which connect with this seed, and stops the server.
    fn run(self, clients: impl AsyncFnOnce(&Arc<dyn Host>, &dyn Fn(u64) -> Connecting)) -> Stopped {
        let Self { world, server, client } = self;
        let address = server.binds().next().unwrap().local;
        let connect = |seed| -> Connecting {
            let host = client.clone();
            Box::pin(
                async move { Client::connect(&host, Transport::DTLS, address, &options(seed, tls())).await },
            )
        };
        world
            .run(async {
                clients(&client, &connect).await;
                server.stop(Duration::from_secs(1)).await
            })
            .unwrap()
    }
}

type Connecting = std::pin::Pin<Box<dyn Future<Output = Result<Client, send::SendError>>>>;

fn tls() -> ClientTls {
    client_tls(certs::ephemeral().unwrap().1)
}

fn options(seed: u64, tls: ClientTls) -> send::Options {
    send::Options { timeout: Duration::from_secs(4), retries: 0, tls, shared_key: None, seed: Some(seed) }
}

#[test]
fn a_message_is_answered_in_one_round_trip_after_the_handshake() {
    let stopped = Setup::new(|_| ()).run(async |_, connect| {
        let mut client = connect(1).await.unwrap();
        let reply = client.exchange(b"hello").await.unwrap();
        assert_eq!((&reply.bytes[..], reply.took), (&b"hello"[..], Duration::from_millis(10)));
        client.close().await;
    });
    let report = &stopped.reports[0];
    assert_eq!((report.messages, report.clients), (1, 1));
    assert!(report.refused.iter().all(|(_, times)| *times == 0), "{report}");
}

#[test]
fn a_server_that_is_not_trusted_is_refused_as_over_tls() {
    let Setup { world, server, client } = Setup::new(|_| ());
    let address = server.binds().next().unwrap().local;
    let other = certs::ephemeral_of(1000, true).unwrap().1;
    // Each from a port of its own: at one address, the server would wait for the end of the first handshake.
    let refusal = async |tls: ClientTls| {
        Client::connect(&client, Transport::DTLS, address, &options(1, tls)).await.unwrap_err().to_string()
    };
    world
        .run(async {
            let foreign = refusal(client_tls(other)).await;
            let _first_port = client.udp_bind("0.0.0.0:0".parse().unwrap()).unwrap();
            assert!(
                foreign.contains("DTLS handshake with") && foreign.contains("not signed by the CA"),
                "{foreign}"
            );
            let misnamed = ClientTls { server_name: "other.test".try_into().unwrap(), ..tls() };
            let misnamed = refusal(misnamed).await;
            let _second_port = client.udp_bind("0.0.0.0:0".parse().unwrap()).unwrap();
            assert!(misnamed.contains("does not fit") && misnamed.contains("--server-name"), "{misnamed}");
            let insecure = ClientTls { trust: wirelab::transport::tls::Trust::Anyone, ..tls() };
            Client::connect(&client, Transport::DTLS, address, &options(3, insecure)).await.unwrap();
            server.stop(Duration::from_secs(1)).await
        })
        .unwrap();
}

#[test]
fn sessions_are_limited_per_source_and_in_total() {
    for (total, refusal) in [(9, Refusal::SourceConnections), (2, Refusal::Connections)] {
        let setup = Setup::new(|options| {
            options.max_connections = total;
            options.max_connections_per_source = 2;
        });
        let stopped = setup.run(async |_, connect| {
            let mut first = connect(1).await.unwrap();
            let second = connect(2).await.unwrap();
            connect(3).await.unwrap_err();
            second.close().await;
            connect(4).await.unwrap().exchange(b"there is room again").await.unwrap();
            first.exchange(b"still here").await.unwrap();
        });
        assert!(stopped.reports[0].refusals(refusal) > 0, "{}", stopped.reports[0]);
    }
}

#[test]
fn an_idle_session_ends() {
    let stopped = Setup::new(|options| options.idle = Duration::from_secs(2)).run(async |host, connect| {
        let mut client = connect(1).await.unwrap();
        host.sleep(Duration::from_millis(1900)).await;
        client.exchange(b"alive").await.unwrap();
        host.sleep(Duration::from_millis(2100)).await;
        client.exchange(b"forgotten").await.unwrap_err();
    });
    assert_eq!(stopped.reports[0].refusals(Refusal::Idle), 1);
}

/// The server receives nothing from these clients after their second hello. A client that gets an answer considers
/// itself connected: a client of DTLS 1.3 waits only for the server's Finished (RFC 9147 section 5.1).
#[test]
fn handshakes_that_are_never_completed_are_limited_per_source_and_in_total() {
    // As many unverified clients as one source may have.
    const CLIENTS: u64 = 16;
    const EVICTED: u64 = CLIENTS - 4;
    for (total, per_source) in [(100, 4), (4, 100)] {
        let links =
            PerDirection { to_server: link("delay=5ms,loss=outage:15ms:60s"), to_client: link("delay=5ms") };
        let world = World::new(&links, 1);
        let setup = Setup::with(world, |options| {
            options.max_connections = total;
            options.max_connections_per_source = per_source;
        });
        let stopped = setup.run(async |host, connect| {
            let clients: Vec<_> = (1..=CLIENTS).map(connect).collect();
            let clients = futures_util::future::join_all(clients).await;
            assert!(clients.iter().all(Result::is_ok));
            host.sleep(Duration::from_secs(70)).await;
            connect(CLIENTS + 1).await.unwrap().exchange(b"there is room again").await.unwrap();
        });
        let report = &stopped.reports[0];
        assert_eq!(report.refusals(Refusal::Evicted), EVICTED, "{report}");
        assert_eq!(report.refusals(Refusal::Handshake), CLIENTS - EVICTED, "{report}");
    }
}
