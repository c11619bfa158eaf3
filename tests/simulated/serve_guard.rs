//! A server's limits on connections, and the performance protocol, in virtual time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::support::client_tls;
use quinn::{Connection, Endpoint, EndpointConfig, crypto::rustls::QuicClientConfig};
use wirelab::{
    certs,
    link::LinkSpec,
    path::{Host, Side, quinn_runtime, sim::World},
    serve::{Bind, Options, Refusal, Server, Stopped},
    service::Service,
    transport::Transport,
    unit::{PerDirection, Time},
};

const DELAY: Duration = Duration::from_millis(25);
const ROUND_TRIP: Duration = Duration::from_millis(50);
const DRAIN: Duration = Duration::from_secs(5);

fn options() -> Options {
    let (identity, _) = certs::ephemeral().unwrap();
    let mut options = Options { identity: Some(identity), seed: Some(1), ..Options::new(Service::Hello) };
    options.access.allow = vec!["10.0.0.0/8".parse().unwrap()];
    options
}

/// A client endpoint and the address of its server.
struct Client {
    host: Arc<dyn Host>,
    endpoint: Endpoint,
    server: SocketAddr,
}

impl Client {
    fn speaking(host: Arc<dyn Host>, server: SocketAddr, alpn: &[u8]) -> Self {
        let (_, roots) = certs::ephemeral().unwrap();
        let mut tls = client_tls(roots).config(&host).unwrap();
        tls.alpn_protocols = vec![alpn.to_vec()];
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let socket = host.quic_bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let mut endpoint = Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            None,
            socket,
            quinn_runtime(host.clone()),
        )
        .unwrap();
        endpoint.set_default_client_config(config);
        Self { host, endpoint, server }
    }

    async fn connect(&self) -> Connection {
        self.begin().await.unwrap()
    }

    fn begin(&self) -> quinn::Connecting {
        self.endpoint.connect(self.server, certs::EPHEMERAL_NAME).unwrap()
    }
}

/// Runs `story` against a server with `options`.
fn against<T, F>(options: Options, alpn: &[u8], story: impl FnOnce(Client) -> F) -> (T, Stopped)
where
    F: Future<Output = T>,
{
    let link = LinkSpec { delay: DELAY, ..LinkSpec::default() };
    let world = World::new(&PerDirection::both(link), 1);
    let bind = Bind { scheme: Transport::QUIC_ONE.scheme(), local: "0.0.0.0:7000".parse().unwrap() };
    let server = Server::start(&world.host(Side::Server), &[bind], options).unwrap();
    let address = server.binds().next().unwrap().local;
    let client = Client::speaking(world.host(Side::Client), address, alpn);
    world
        .run(async {
            let told = story(client).await;
            (told, server.stop(DRAIN).await)
        })
        .unwrap()
}

async fn ask(connection: &Connection, message: &[u8]) -> Vec<u8> {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(message).await.unwrap();
    send.finish().unwrap();
    receive.read_to_end(1 << 24).await.unwrap()
}

#[test]
fn a_client_that_must_prove_its_address_has_its_first_reply_a_round_trip_later() {
    for (retry_above, round_trips, retries) in [(64, 2, 0), (0, 3, 1)] {
        let (took, stopped) = against(Options { retry_above, ..options() }, b"wirelab", async |client| {
            let start = client.host.now();
            assert_eq!(ask(&client.connect().await, b"you").await, b"Hello, you!");
            client.host.now() - start
        });
        assert_eq!(took, round_trips * ROUND_TRIP, "Retry above {retry_above}");
        let report = &stopped.reports[0];
        assert_eq!((report.refusals(Refusal::Retry), report.clients), (retries, 1));
    }
}

#[test]
fn addresses_are_validated_only_while_handshakes_pile_up() {
    let (arrivals, stopped) = against(Options { retry_above: 2, ..options() }, b"wirelab", async |client| {
        let all: Vec<_> = (0..5).map(|_| client.begin()).collect();
        let mut arrivals = Vec::new();
        for connecting in all {
            connecting.await.unwrap();
            arrivals.push(client.host.now());
        }
        // Wait until the server knows that the handshakes are complete.
        client.host.sleep(ROUND_TRIP).await;
        let start = client.host.now();
        client.connect().await;
        assert_eq!(client.host.now() - start, ROUND_TRIP);
        client.host.sleep(ROUND_TRIP).await;
        arrivals
    });
    let expected = [1, 1, 2, 2, 2].map(|round_trips| Time::ZERO + round_trips * ROUND_TRIP);
    assert_eq!(arrivals, expected);
    assert_eq!((stopped.reports[0].refusals(Refusal::Retry), stopped.reports[0].clients), (3, 6));
}

#[test]
fn one_source_gets_its_share_of_the_connections() {
    let options = Options { max_connections: 8, max_connections_per_source: 2, ..options() };
    let ((), stopped) = against(options, b"wirelab", async |client| {
        let held = [client.connect().await, client.connect().await];
        // Wait until the server has validated their addresses.
        client.host.sleep(ROUND_TRIP).await;
        let refused = client.begin().await.unwrap_err();
        assert!(matches!(refused, quinn::ConnectionError::ConnectionClosed(_)), "{refused}");
        assert_eq!(ask(&held[0], b"you").await, b"Hello, you!", "those that are there stay");
    });
    assert_eq!(stopped.reports[0].refusals(Refusal::SourceConnections), 1);
}

#[test]
fn the_later_half_of_a_crowd_gets_less_to_send_ahead_and_is_served_all_the_same() {
    let options = Options { max_connections_per_source: 100, ..options() };
    let ((), stopped) = against(options, b"wirelab", async |client| {
        let mut crowd = Vec::new();
        for _ in 0..100 {
            crowd.push(client.connect().await);
        }
        for connection in &crowd {
            assert_eq!(ask(connection, b"you").await, b"Hello, you!");
        }
    });
    assert_eq!(stopped.reports[0].messages, 100);
}

fn request(wanted: u64, more: usize) -> Vec<u8> {
    let mut request = wanted.to_be_bytes().to_vec();
    request.resize(8 + more, 1);
    request
}

#[test]
fn a_perf_client_gets_as_many_bytes_as_it_asks_for() {
    let ((), stopped) = against(options(), b"perf", async |client| {
        let connection = client.connect().await;
        for (wanted, more) in [(0, 0), (1, 0), (5_000_000, 0), (10, 3_000_000), (3_000_000, 3_000_000)] {
            let response = ask(&connection, &request(wanted, more)).await;
            assert_eq!(response.len() as u64, wanted);
        }
        assert_eq!(ask(&connection, b"short").await, b"", "who does not say gets nothing");
    });
    let report = &stopped.reports[0];
    assert_eq!((report.messages, report.bytes_out), (5, 8_000_011));
    assert_eq!(report.bytes_in, 5 * 8 + 6_000_000);
}

#[test]
fn a_perf_client_need_not_end_its_side_to_have_a_response() {
    against(options(), b"perf", async |client| {
        let connection = client.connect().await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&request(100_000, 0)).await.unwrap();
        assert_eq!(receive.read_to_end(1 << 20).await.unwrap().len(), 100_000);
        send.finish().unwrap();
    });
}

#[test]
fn what_is_asked_for_on_a_unidirectional_stream_comes_on_another() {
    let ((), stopped) = against(options(), b"perf", async |client| {
        let connection = client.connect().await;
        for wanted in [70_000, 0] {
            let mut send = connection.open_uni().await.unwrap();
            send.write_all(&request(wanted, 10)).await.unwrap();
            send.finish().unwrap();
        }
        let mut receive = connection.accept_uni().await.unwrap();
        assert_eq!(receive.read_to_end(1 << 20).await.unwrap().len(), 70_000);
    });
    assert_eq!(stopped.reports[0].messages, 2);
}

#[test]
fn an_endless_response_ends_when_the_client_stops_reading() {
    let ((), stopped) = against(options(), b"perf", async |client| {
        let connection = client.connect().await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&request(u64::MAX, 0)).await.unwrap();
        receive.read_exact(&mut [0; 100_000]).await.unwrap();
        receive.stop(0u32.into()).unwrap();
        assert_eq!(ask(&connection, &request(3, 0)).await.len(), 3, "and others go on");
    });
    assert!(stopped.drained);
}
