//! Traces of QUIC connections, compared with the library's own counters.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::support::workload;
use wirelab::{
    capture::Recording,
    experiment::{Observers, Outcome, PathKind, Plan, Workload, run},
    link::LinkSpec,
    path::{Side, StopSignal},
    trace::{
        LossDetector, LossTrigger, Lost, Outgoing, PacketType, QuicEvent, QuicPacket, QuicTrace, QuicTracer,
        QuicTracers, Space, Thresholds,
    },
    transport::{Congestion, LossDetection, Transport},
    unit::{Mutex, PerDirection, Time},
    wire::quic::{Frame, frames},
};

/// What the trace of one end contains.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct End {
    original_id: Vec<u8>,
    sent: BTreeSet<(Space, u64)>,
    received: BTreeSet<(Space, u64)>,
    types: BTreeSet<PacketType>,
    /// Packets declared lost, without probes for a larger MTU.
    lost: u64,
    last: Time,
}

impl End {
    fn sent(&mut self, packet: &QuicPacket<'_>) {
        self.types.insert(packet.packet_type);
        assert!(self.sent.insert((packet.packet_type.space(), packet.number)));
    }

    fn received(&mut self, packet: &QuicPacket<'_>) {
        assert!(self.received.insert((packet.packet_type.space(), packet.number)));
    }
}

#[derive(Debug, Clone, Default)]
struct Tracer(Arc<Mutex<Vec<(Side, End)>>>);

struct Trace {
    tracer: Tracer,
    index: usize,
}

impl QuicTracer for Tracer {
    fn trace(&self, side: Side, original_id: &[u8]) -> Option<Box<dyn QuicTrace>> {
        let mut ends = self.0.lock();
        ends.push((side, End { original_id: original_id.to_vec(), ..End::default() }));
        Some(Box::new(Trace { tracer: self.clone(), index: ends.len() - 1 }))
    }
}

impl QuicTrace for Trace {
    fn record(&mut self, at: Time, event: &QuicEvent<'_>) {
        let end = &mut self.tracer.0.lock()[self.index].1;
        assert!(at >= end.last, "{at} after {}", end.last);
        end.last = at;
        match event {
            QuicEvent::Sent { packet, .. } => end.sent(packet),
            QuicEvent::Received(packet) => end.received(packet),
            QuicEvent::Lost(lost) if !lost.is_mtu_probe => end.lost += 1,
            _ => {}
        }
    }
}

fn plan(transport: Transport, link: &str, congestion: Congestion) -> Plan {
    let link: LinkSpec = link.parse().unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        congestion,
        loss_detection: LossDetection::default(),
        workload: Workload { interval: Duration::from_millis(5), ..workload(Duration::from_secs(10)) },
    }
}

fn traced(plan: &Plan, seed: u64) -> (Outcome, End, End) {
    let tracer = Tracer::default();
    let mut tracers = QuicTracers::default();
    tracers.push(Arc::new(tracer.clone()));
    let recording = Recording { tracers, ..Recording::default() };
    let observers = Observers { recording, ..Observers::default() };
    let outcome = run(plan, seed, observers, &StopSignal::default()).unwrap();
    let ends = tracer.0.lock().clone();
    let of = |side: Side| ends.iter().find(|(of, _)| *of == side).unwrap().1.clone();
    (outcome, of(Side::Client), of(Side::Server))
}

const LINKS: [&str; 6] = [
    "delay=25ms",
    "delay=25ms,loss=10%",
    "delay=25ms,jitter=10ms",
    "delay=20ms,reorder=10%,loss=3%,duplicate=2%",
    "delay=10ms,loss=20%,corrupt=0.01%,rate=3mbit,queue=20KB",
    "delay=40ms,jitter=30ms,loss=gilbert:2%:30%",
];

/// quinn does not report which packets it declares lost, and the detector must find the same number.
#[test]
fn the_losses_found_are_those_that_quinn_declared() {
    for (link, seed) in LINKS.into_iter().flat_map(|link| [(link, 1), (link, 2)]) {
        for congestion in [Congestion::Cubic, Congestion::NewReno, Congestion::Fixed(1_000_000)] {
            for transport in Transport::QUIC {
                let (outcome, client, server) = traced(&plan(transport, link, congestion), seed);
                for (end, recovery) in [(&client, &outcome.client), (&server, &outcome.server)] {
                    let declared = recovery.retransmitted_packets.unwrap();
                    assert_eq!(end.lost, declared, "{transport} {congestion} {link}, seed {seed}");
                }
            }
        }
    }
}

#[test]
fn both_ends_trace_the_same_connection() {
    let link = "delay=20ms,reorder=10%,loss=3%,duplicate=2%";
    for transport in Transport::QUIC {
        let (_, client, server) = traced(&plan(transport, link, Congestion::Cubic), 1);
        assert_eq!(client.original_id, server.original_id);
        for (sender, receiver) in [(&client, &server), (&server, &client)] {
            assert!(
                receiver.received.len() > 100 && receiver.received.is_subset(&sender.sent),
                "{transport}"
            );
            assert_eq!(sender.types, [PacketType::Initial, PacketType::Handshake, PacketType::OneRtt].into());
        }
    }
}

/// A detector driven step by step. Every packet is a 1-RTT packet of 100 bytes that contains a PING frame.
struct ByHand {
    detector: LossDetector,
    lost: Vec<Lost>,
}

impl ByHand {
    fn new() -> Self {
        let mut detector = LossDetector::new(Side::Client, Thresholds::default());
        detector.establish();
        detector.discard(Time::ZERO, Space::Initial);
        detector.discard(Time::ZERO, Space::Handshake);
        Self { detector, lost: Vec::new() }
    }

    fn at(micros: u64) -> Time {
        Time::from_nanos(micros * 1000)
    }

    /// Sends a packet; returns whether it is a probe.
    fn send(&mut self, number: u64, micros: u64) -> bool {
        let (packet_type, bytes) = (PacketType::OneRtt, 100);
        let packet = QuicPacket { packet_type, number, bytes, header: &[0x40], payload: &[0x01] };
        let is_probe = self.detector.sent(Self::at(micros), &Outgoing::of(&packet), &mut self.lost);
        self.detector.transmitted(Self::at(micros), 100);
        is_probe
    }

    /// The packets from `first` to `last` are acknowledged.
    fn acknowledge(&mut self, first: u8, last: u8, micros: u64) {
        let frame = [0x02, last, 0, 0, last - first];
        let Some(Frame::Ack(ack)) = frames(&frame).next() else { panic!("no ACK") };
        self.detector.received(Self::at(micros), &mut self.lost);
        self.detector.acknowledged(Space::Data, &ack);
        self.detector.acks_processed(Self::at(micros), &mut self.lost);
    }

    fn lost(&self) -> Vec<(u64, LossTrigger, bool)> {
        self.lost.iter().map(|lost| (lost.number, lost.trigger, lost.after_probe)).collect()
    }
}

#[test]
fn a_packet_is_lost_once_one_three_numbers_later_is_acknowledged() {
    let mut hand = ByHand::new();
    (0..4).for_each(|number| assert!(!hand.send(number, number * 1000)));
    hand.acknowledge(1, 2, 52_000);
    assert_eq!(hand.lost(), []);
    hand.acknowledge(1, 3, 53_000);
    assert_eq!(hand.lost(), [(0, LossTrigger::PacketThreshold, false)]);
    assert_eq!(hand.detector.in_flight(), (0, 0));
}

#[test]
fn a_packet_is_lost_nine_eighths_of_a_round_trip_after_it_was_sent() {
    let mut hand = ByHand::new();
    hand.send(0, 0);
    hand.send(1, 1000);
    hand.acknowledge(1, 1, 51_000);
    assert_eq!(hand.lost(), []);
    // 9/8 of 50 ms, and a microsecond for the rounding of the factor.
    hand.detector.congestion(ByHand::at(56_251), 100, &mut hand.lost);
    assert_eq!(hand.lost(), [(0, LossTrigger::TimeThreshold, false)]);
    assert_eq!(hand.lost[0].declared, ByHand::at(56_251));
}

#[test]
fn a_loss_found_by_a_probe_is_marked_so() {
    let mut hand = ByHand::new();
    hand.send(0, 0);
    // Before the first measurement: 333 ms + 4 x 166.5 ms, and the peer's max_ack_delay of 25 ms.
    assert!(!hand.send(1, 1000));
    assert!(!hand.send(2, 1_024_999));
    let mut hand = ByHand::new();
    hand.send(0, 0);
    assert!(hand.send(1, 1_024_000));
    assert!(hand.send(2, 1_024_000), "two probes at most");
    assert!(!hand.send(3, 1_024_000));
    hand.acknowledge(1, 1, 1_074_000);
    assert_eq!(hand.lost(), [(0, LossTrigger::TimeThreshold, true)]);
}
