//! An attacker replays a recorded first flight of QUIC with early data (RFC 8446 section 8, RFC 9001 section 9.2).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::support::client_tls;
use wirelab::{
    certs,
    link::{LinkSpec, Loss},
    path::{Exit, Host, Observer, Observers, PacketView, Side, sim::World},
    serve::{Bind, Options, Server},
    service::Service,
    transport::{
        Congestion, LossDetection, Transport,
        quic::{QuicClient, QuicLimits, QuicSettings},
        tls::ClientTls,
    },
    unit::{Direction, Mutex, PerDirection, Time},
};

const DELAY: Duration = Duration::from_millis(25);
/// A message that every service answers.
const MESSAGE: &[u8] = br#""pay 10 to Mallory""#;

/// Datagrams, and when they were sent.
type Sent = Vec<(Time, Vec<u8>)>;

/// Records what the client sends.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Sent>>);

impl Recorder {
    /// The datagrams that were sent at `at`.
    fn flight(&self, at: Time) -> Vec<Vec<u8>> {
        let sent = self.0.lock();
        sent.iter().filter(|(when, _)| *when == at).map(|(_, datagram)| datagram.clone()).collect()
    }
}

impl Observer for Recorder {
    fn entered(&mut self, packet: &PacketView<'_>) {
        if packet.direction == Direction::ToServer {
            let datagram = packet.datagram().unwrap_or_default().to_vec();
            self.0.lock().push((packet.at, datagram));
        }
    }

    fn left(&mut self, _: &PacketView<'_>, _: Exit) {}
}

/// How the flight reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Original {
    /// From the client, before it is replayed.
    Arrives,
    /// Only from the attacker that recorded it.
    IsLost,
}

/// Replays a first flight this many times. Returns how many messages the server has answered.
fn answered(service: Service, original: Original, times: u32) -> u64 {
    // The flight leaves at one second.
    let loss = match original {
        Original::Arrives => Loss::Drop(Vec::new()),
        Original::IsLost => {
            Loss::Outage { start: Duration::from_millis(990), length: Duration::from_millis(60) }
        }
    };
    let clear = LinkSpec { delay: DELAY, ..LinkSpec::default() };
    let links = PerDirection { to_server: LinkSpec { loss, ..clear.clone() }, to_client: clear };
    let (recorder, mut observers) = (Recorder::default(), Observers::default());
    observers.push(Box::new(recorder.clone()));
    let world = World::new(&links, 1).with_observers(observers);
    let (server_host, host) = (world.host(Side::Server), world.host(Side::Client));
    let (identity, roots) = certs::ephemeral().unwrap();
    let mut options =
        Options { identity: Some(identity), seed: Some(1), early_data: true, ..Options::new(service) };
    options.access.allow = vec!["10.0.0.0/8".parse().unwrap()];
    let bind = Bind { scheme: Transport::QUIC_ONE.scheme(), local: "0.0.0.0:7000".parse().unwrap() };
    let server = Server::start(&server_host, &[bind], options).unwrap();
    let address = server.binds().next().unwrap().local;
    let tls = ClientTls { early_data: true, ..client_tls(roots) };
    let settings = QuicSettings {
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        seed: Some(1),
        limits: QuicLimits::EXPERIMENT,
        tracers: Default::default(),
    };
    world
        .run(async {
            let client = QuicClient::new(&host, address, &tls, &settings, None).unwrap();
            // A connection for its ticket.
            let first = client.connect(address).await.unwrap();
            host.sleep(4 * DELAY).await;
            first.close(0u32.into(), b"");
            let start = Time::ZERO + Duration::from_secs(1);
            host.sleep_until(start).await;
            let (connection, accepted) = client.connect_early(address).await.unwrap();
            assert!(accepted.is_some(), "the client has a ticket");
            let (mut send, _receive) = connection.open_bi().await.unwrap();
            send.write_all(MESSAGE).await.unwrap();
            send.finish().unwrap();
            host.sleep(4 * DELAY).await;
            let flight = recorder.flight(start);
            assert!(!flight.is_empty());
            for _ in 0..times {
                play(&host, address, &flight).await;
            }
            connection.close(0u32.into(), b"");
            server.stop(Duration::from_secs(5)).await.reports[0].messages
        })
        .unwrap()
}

/// Sends the datagrams from another socket, and waits long enough for answers.
async fn play(host: &Arc<dyn Host>, server: SocketAddr, flight: &[Vec<u8>]) {
    let socket = host.udp_bind("0.0.0.0:0".parse().unwrap()).unwrap();
    for datagram in flight {
        socket.try_send(datagram, server, None).unwrap();
    }
    host.sleep(4 * DELAY).await;
}

#[test]
fn a_flight_that_was_answered_is_not_answered_again() {
    for service in Service::ALL {
        let answered = [0, 1, 2].map(|times| answered(service, Original::Arrives, times));
        assert_eq!(answered, [1, 1, 1], "{service:?}");
    }
}

/// Early data does not authenticate its sender: the first copy that arrives is answered, from any address.
#[test]
fn a_lost_flight_that_an_attacker_replays_is_answered_once() {
    for service in Service::ALL {
        let answered = [0, 1, 2].map(|times| answered(service, Original::IsLost, times));
        assert_eq!(answered, [0, 1, 1], "{service:?}");
    }
}
