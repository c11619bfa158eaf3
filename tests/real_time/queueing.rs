//! The queue of the link treats paced datagrams the same in virtual time, over a relay, and between namespaces.
//!
//! In real time packets reach the link later than their sender paced them, each by its own lateness. So packets are
//! compared in two ways:
//!
//! - exactly, with a link on its own, and with virtual time, that are offered the same packets at the recorded instants;
//! - in their delay, with the packets that virtual time paces, within what the recorded lateness explains.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use wirelab::{
    experiment::{Ends, PathKind, Route, RunError, Wire, on_path},
    link::{DropReason, Event, FlowId, Link, LinkSpec, PacketTraits, QueueVisit},
    path::{Exit, Observer, PacketView, StopSignal},
    transfer::bulk::{self, Settings},
    transport::{Congestion, Transport, quic::QuicLimits},
    unit::{Direction, Mutex, PerDirection, Rate, Time},
    wire::transfer::{Piece, TRANSFER_HEADER_BYTES},
};

use crate::support::{alone, has_namespaces, session_settings};

/// With headers, 1500 IP bytes. They take a millisecond at the pace, and 1.5 ms at the rate of the link.
const PAYLOAD: usize = 1472;
const PACE: u64 = 12_000_000;
const RATE: &str = "rate=8mbit,delay=5ms";
const PACKETS: usize = 700;
/// Time for the queue to empty after the last packet: half of the time that the packets took to send, and the delay.
const DRAIN: Duration = Duration::from_millis(400);

/// A packet at the near end of the link.
#[derive(Debug, Clone, Copy)]
struct Offer {
    at: Time,
    ip_bytes: usize,
    traits: PacketTraits,
}

/// What the link did to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fate {
    queue: QueueVisit,
    dropped: Option<DropReason>,
}

/// The packets to the server of one run.
#[derive(Debug, Default)]
struct Record {
    offers: Vec<Offer>,
    fates: BTreeMap<u64, Fate>,
}

/// Writes a record. Clones share it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Record>>);

impl Observer for Recorder {
    fn entered(&mut self, packet: &PacketView<'_>) {
        if packet.direction == Direction::ToServer {
            let offers = &mut self.0.lock().offers;
            assert_eq!(packet.number, offers.len() as u64);
            let flow = FlowId { from: packet.from, to: packet.to, protocol: 17 };
            let traits = PacketTraits { is_udp: true, is_ect: packet.ecn != 0, flow: Some(flow) };
            offers.push(Offer { at: packet.at, ip_bytes: packet.ip_bytes, traits });
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if packet.direction == Direction::ToServer {
            let dropped = match exit {
                Exit::Arrived { .. } => None,
                Exit::Dropped(reason) => Some(reason),
            };
            let fate = Fate { queue: packet.queue, dropped };
            assert_eq!(self.0.lock().fates.insert(packet.number, fate), None);
        }
    }
}

impl Record {
    /// What a link on its own does to the same packets, offered at the same instants.
    fn replayed(&self, spec: &LinkSpec) -> BTreeMap<u64, Fate> {
        let mut link = Link::new(spec.clone(), SEED, Direction::ToServer);
        for (number, offer) in (0..).zip(&self.offers) {
            link.enqueue_known(offer.at, offer.ip_bytes, number, |_| offer.traits);
        }
        let events = std::iter::from_fn(|| link.poll(Time::MAX));
        let fates = events.map(|event| match event {
            Event::Delivered(arrived) => (arrived.packet, Fate { queue: arrived.queue, dropped: None }),
            Event::Dropped(lost) => (lost.packet, Fate { queue: lost.queue, dropped: Some(lost.reason) }),
        });
        fates.collect()
    }

    fn count(&self, is: impl Fn(&Fate) -> bool) -> u64 {
        self.fates.values().filter(|fate| is(fate)).count() as u64
    }

    /// When each packet was offered, since the first.
    fn offered(&self) -> impl Iterator<Item = i64> {
        let first = self.offers[0].at;
        self.offers.iter().map(move |offer| offer.at.since(first).as_nanos() as i64)
    }
}

fn wait(fate: &Fate) -> i64 {
    fate.queue.delay.as_nanos() as i64
}

const SEED: u64 = 1;

/// Runs `run` on a path with this link. Also returns what the link did to the packets to the server.
fn on_link<T>(
    path: PathKind,
    spec: &LinkSpec,
    run: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> (Record, T) {
    let links = PerDirection::both(spec.clone());
    let mut route = Route::new(path, &links, Congestion::Cubic, SEED, &StopSignal::default());
    let recorder = Recorder::default();
    route.observers.push(Box::new(recorder.clone()));
    let value = on_path(route, run).unwrap().value;
    let record = std::mem::take(&mut *recorder.0.lock());
    assert_eq!((record.offers.len(), record.fates.len()), (PACKETS, PACKETS), "{path}");
    (record, value)
}

/// Sends the packets with `udp` at the pace. Also returns how many datagrams the receiver read as marked.
fn recorded(path: PathKind, spec: &LinkSpec) -> (Record, Option<u64>) {
    let settings = Settings {
        flows: 1,
        pace: Rate::from_bits_per_second(PACE).unwrap(),
        datagram_bytes: PAYLOAD,
        session: session_settings(Congestion::Cubic, QuicLimits::EXPERIMENT),
        taps: None,
    };
    on_link(path, spec, async |ends, _| {
        let mut acceptor = bulk::listen(&ends.server, Transport::UDP, ends.listen, &settings).unwrap();
        let peer = SocketAddr::new(ends.reach, acceptor.local_addr().port());
        let mut server = acceptor.accept().await.unwrap();
        let marked = server.recovery.clone();
        let reading = async move { while server.incoming.recv().await.is_ok() {} };
        ends.server.spawn("the server", Box::pin(reading));
        let mut client = bulk::connect(&ends.client, Transport::UDP, peer, &settings).await.unwrap();
        let content = Bytes::from(vec![7; PAYLOAD - TRANSFER_HEADER_BYTES]);
        for number in 0..PACKETS {
            client.outgoing.send_piece(Piece::new(number as u64, content.clone())).await.unwrap();
        }
        ends.client.sleep(DRAIN).await;
        Ok(marked().ce_received)
    })
}

/// Sends the packets in virtual time, each at the instant of the offer.
fn simulated_at(offers: &[Offer], spec: &LinkSpec) -> (Record, Option<u64>) {
    on_link(PathKind::Sim, spec, async |ends, _| {
        let server = ends.server.udp_bind(ends.listen).unwrap();
        let peer = SocketAddr::new(ends.reach, server.local_addr().port());
        let client = ends.client.udp_connect(peer).unwrap();
        if ends.client.uses_ecn() {
            [&client, &server].into_iter().for_each(|socket| socket.use_ecn().unwrap());
        }
        let receiving = server.clone();
        let reading = async move { while receiving.recv(&mut [0; PAYLOAD]).await.is_ok() {} };
        ends.server.spawn("the server", Box::pin(reading));
        for offer in offers {
            ends.client.sleep_until(offer.at).await;
            client.send(&[7; PAYLOAD], peer, None).await.unwrap();
        }
        ends.client.sleep(DRAIN).await;
        Ok(server.ce_received())
    })
}

fn link(queue: &str) -> LinkSpec {
    let link: LinkSpec = format!("{RATE},{queue}").parse().unwrap();
    link.validate().unwrap();
    link
}

/// All paths that this machine has.
fn paths() -> Vec<PathKind> {
    let mut paths = vec![PathKind::Sim, PathKind::Relay];
    paths.extend(has_namespaces().then_some(PathKind::Netns));
    paths
}

#[test]
fn every_path_delays_drops_and_marks_each_packet_as_virtual_time_does_at_the_same_instants() {
    let _alone = alone();
    for queue in [
        "queue=20p",
        "aqm=codel",
        "aqm=codel,ecn",
        "aqm=fq-codel,queue=60p",
        "aqm=pie:5ms:5ms,ecn,queue=60p",
        "aqm=red:5p:60p:2%,ecn,queue=60p",
    ] {
        let spec = link(queue);
        for path in paths() {
            let (record, read_as_marked) = recorded(path, &spec);
            assert_eq!(record.fates, record.replayed(&spec), "{path} {queue}");
            let (dropped, marked) =
                (record.count(|fate| fate.dropped.is_some()), record.count(|fate| fate.queue.marked));
            assert_eq!(marked > 0, spec.ecn, "{path} {queue}");
            assert_eq!(dropped > 0, queue != "aqm=codel,ecn", "{path} {queue}");
            // From the IP header that the receiver's kernel was given.
            assert_eq!(read_as_marked, spec.ecn.then_some(marked), "{path} {queue}");
            let (simulated, simulated_marked) = simulated_at(&record.offers, &spec);
            assert_eq!(simulated.fates, record.fates, "{path} {queue}, at the same instants in virtual time");
            assert_eq!(simulated_marked, read_as_marked, "{path} {queue}");
        }
    }
}

/// The wait of packet n of a FIFO queue without drops is the latest of A(k) + (n - k) S over all k up to n, minus A(n),
/// where A are the instants of the offers and S is the time that a packet takes (Lindley 1952). If each A(k) is later
/// by L(k), the first term is later by at least the smallest and at most the largest L(k) up to n. So the wait changes
/// by at least min L(k) - L(n) and at most max L(k) - L(n).
#[test]
fn paths_differ_in_the_delay_of_each_packet_by_no_more_than_lateness_explains() {
    let _alone = alone();
    let spec = link("aqm=codel,ecn");
    let (simulated, _) = recorded(PathKind::Sim, &spec);
    for path in paths().into_iter().filter(|path| *path != PathKind::Sim) {
        let (real, _) = recorded(path, &spec);
        let late: Vec<i64> = real.offered().zip(simulated.offered()).map(|(real, at)| real - at).collect();
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for (number, late) in late.iter().enumerate() {
            (least, most) = (least.min(*late), most.max(*late));
            let [real, simulated] = [&real, &simulated].map(|record| wait(&record.fates[&(number as u64)]));
            let differs = real - simulated;
            assert!(
                (least - late..=most - late).contains(&differs),
                "{path}, packet {number}: {differs} ns, late by {late} of {least} to {most}"
            );
        }
    }
}
