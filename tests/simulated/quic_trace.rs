//! Traces of QUIC connections: what an end believes, held against the library's own counters.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::support::workload;
use wirelab::{
    capture::Recording,
    experiment::{Observers, Outcome, PathKind, Plan, Workload, run},
    link::LinkSpec,
    path::{Side, StopSignal},
    trace::{LossTrigger, PacketType, QuicEvent, QuicTrace, QuicTracer, QuicTracers, Space},
    transport::{Congestion, LossDetection, Transport},
    unit::{Mutex, PerDirection, Time},
    wire::quic::Frame,
};

/// What one end's trace told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct End {
    original_id: Vec<u8>,
    sent: BTreeSet<(Space, u64)>,
    received: BTreeSet<(Space, u64)>,
    lost: Vec<(Space, u64, LossTrigger)>,
    lost_mtu_probes: u64,
    last: Time,
    stream_bytes: u64,
    types: BTreeSet<PacketType>,
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
            QuicEvent::Sent { packet, .. } => {
                end.types.insert(packet.packet_type);
                assert!(end.sent.insert((packet.packet_type.space(), packet.number)));
                for frame in packet.frames() {
                    if let Frame::Stream { length, .. } = frame {
                        end.stream_bytes += length;
                    }
                }
            }
            QuicEvent::Received(packet) => {
                assert!(end.received.insert((packet.packet_type.space(), packet.number)));
            }
            QuicEvent::Lost(lost) if lost.is_mtu_probe => end.lost_mtu_probes += 1,
            QuicEvent::Lost(lost) => end.lost.push((lost.packet_type.space(), lost.number, lost.trigger)),
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

/// The detector is told nothing of losses, and must find the ones that quinn found.
#[test]
fn the_losses_found_are_those_that_quinn_declared() {
    for link in LINKS {
        for congestion in [Congestion::Cubic, Congestion::NewReno, Congestion::Fixed(1_000_000)] {
            for transport in Transport::QUIC {
                for seed in 1..=2 {
                    let (outcome, client, server) = traced(&plan(transport, link, congestion), seed);
                    let found = [&client, &server].map(|end| Some(end.lost.len() as u64));
                    let declared = [&outcome.client, &outcome.server].map(|end| end.retransmitted_packets);
                    assert_eq!(found, declared, "{transport} {congestion} {link} seed {seed}");
                }
            }
        }
    }
}
