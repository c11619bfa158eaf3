//! What the link does to the packets of each sender.

use std::{iter::Sum, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    link::{Counters, DropReason},
    path::{Exit, Observer, PacketView},
    unit::{Direction, Mutex, PerDirection, Time, nanos},
};

/// The packets of one sender in the direction of its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::experiment) struct Crossed {
    /// Packets offered to the link.
    pub(in crate::experiment) packets: u64,
    /// Packets that the link dropped: in its queue, or on the wire.
    pub(in crate::experiment) dropped: u64,
}

impl Sum for Crossed {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, more| Self {
            packets: sum.packets + more.packets,
            dropped: sum.dropped + more.dropped,
        })
    }
}

/// Counts the packets of each sender on the link, and those of others. Senders are told apart by the ports of their
/// servers.
#[derive(Clone)]
pub(super) struct FlowMeter(Arc<Mutex<State>>);

struct State {
    /// The server's port and the direction of the data of each sender.
    flows: Vec<(u16, Direction)>,
    bin: Duration,
    counts: Counts,
}

/// What was counted since an instant.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    /// The instant.
    pub(super) since: Time,
    /// The packets of each sender.
    pub(super) crossed: Vec<Crossed>,
    /// Packets of other connections.
    pub(super) others: PerDirection<Counters>,
    /// The highest number of a packet of other connections that has arrived.
    latest: PerDirection<u64>,
    /// IP bytes that left the bottleneck in each bin, of all packets.
    pub(super) served: PerDirection<Vec<u64>>,
}

/// The sender of a packet.
enum Owner {
    /// A sender's, in the direction of its data.
    Data(usize),
    /// A sender's, in the other direction.
    Answer,
    Other,
}

impl FlowMeter {
    /// A meter of senders by the ports of their servers and the directions of their data, with bins of this length.
    pub(super) fn new(flows: Vec<(u16, Direction)>, bin: Duration) -> Self {
        let counts = Counts::new(flows.len(), Time::ZERO);
        Self(Arc::new(Mutex::new(State { flows, bin, counts })))
    }

    pub(super) fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Forgets what was counted, and counts from this instant on.
    pub(super) fn begin(&self, at: Time) {
        let state = &mut *self.0.lock();
        state.counts = Counts::new(state.flows.len(), at);
    }

    pub(super) fn counts(&self) -> Counts {
        self.0.lock().counts.clone()
    }
}

impl Counts {
    fn new(flows: usize, since: Time) -> Self {
        let (others, latest, served) = Default::default();
        Self { since, crossed: vec![Crossed::default(); flows], others, latest, served }
    }
}

impl State {
    fn owner(&self, packet: &PacketView<'_>) -> Owner {
        let server = packet.server_port();
        match self.flows.iter().position(|(port, _)| *port == server) {
            Some(index) if self.flows[index].1 == packet.direction => Owner::Data(index),
            Some(_) => Owner::Answer,
            None => Owner::Other,
        }
    }

    /// A packet of another connection has left the link.
    fn other_left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let way = packet.direction;
        let (others, latest) = (&mut self.counts.others[way], &mut self.counts.latest[way]);
        match exit {
            Exit::Dropped(DropReason::Lost) => others.lost += 1,
            Exit::Dropped(reason @ (DropReason::QueueFull | DropReason::Aqm)) => {
                others.queue_dropped += 1;
                others.aqm_dropped += u64::from(reason == DropReason::Aqm);
            }
            Exit::Dropped(DropReason::TooLarge) => others.too_large += 1,
            Exit::Dropped(DropReason::NoMapping) => {}
            Exit::Arrived { intact, more } => {
                others.delivered += 1;
                others.duplicated += u64::from(more);
                others.corrupted += u64::from(!intact);
                others.reordered += u64::from(packet.number < *latest);
                *latest = (*latest).max(packet.number);
            }
        }
    }
}

impl Observer for FlowMeter {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let state = &mut *self.0.lock();
        let bytes = packet.ip_bytes as u64;
        match state.owner(packet) {
            Owner::Data(index) => {
                state.counts.crossed[index].packets += 1;
            }
            Owner::Answer => {}
            Owner::Other => {
                let others = &mut state.counts.others[packet.direction];
                others.packets += 1;
                others.bytes += bytes;
            }
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let state = &mut *self.0.lock();
        match (state.owner(packet), exit) {
            (Owner::Data(index), Exit::Dropped(_)) => state.counts.crossed[index].dropped += 1,
            (Owner::Data(_) | Owner::Answer, _) => {}
            (Owner::Other, exit) => state.other_left(packet, exit),
        }
        // A packet that is lost on the wire has used the bottleneck.
        let has_used = !matches!(exit, Exit::Dropped(reason) if !reason.is_behind_bottleneck());
        if has_used && packet.at >= state.counts.since {
            let bin = nanos(packet.at - state.counts.since) / nanos(state.bin);
            let bin = usize::try_from(bin).unwrap_or(usize::MAX);
            let served = &mut state.counts.served[packet.direction];
            if bin >= served.len() {
                served.resize(bin + 1, 0);
            }
            served[bin] += packet.ip_bytes as u64;
        }
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}
