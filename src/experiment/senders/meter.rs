//! What the link does to the packets of each sender.

use std::{sync::Arc, time::Duration};

use crate::{
    link::DropReason,
    path::{Exit, Observer, PacketView},
    unit::{Direction, Mutex, PerDirection, Time, nanos},
};

/// The packets of one sender in the direction of its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::experiment) struct Crossed {
    /// Packets offered to the link.
    pub(in crate::experiment) packets: u64,
    /// Their IP bytes.
    pub(in crate::experiment) bytes: u64,
    /// Packets that the link dropped: in its queue, or on the wire.
    pub(in crate::experiment) dropped: u64,
}

/// Counts the packets of each sender on the link. Senders are told apart by the ports of their servers.
#[derive(Clone)]
pub(super) struct FlowMeter(Arc<Mutex<State>>);

struct State {
    /// The server's port and the direction of the data of each sender.
    flows: Vec<(u16, Direction)>,
    crossed: Vec<Crossed>,
    bin: Duration,
    begun: Time,
    /// IP bytes that left the bottleneck in each bin, of all packets.
    served: PerDirection<Vec<u64>>,
}

impl FlowMeter {
    /// A meter of senders by the ports of their servers and the directions of their data, with bins of this length.
    pub(super) fn new(flows: Vec<(u16, Direction)>, bin: Duration) -> Self {
        let crossed = vec![Crossed::default(); flows.len()];
        let state = State { flows, crossed, bin, begun: Time::ZERO, served: PerDirection::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Bins begin at this instant.
    pub(super) fn begin(&self, at: Time) {
        self.0.lock().begun = at;
    }

    /// The counts of each sender.
    pub(super) fn crossed(&self) -> Vec<Crossed> {
        self.0.lock().crossed.clone()
    }

    /// IP bytes that left the bottleneck, by bins.
    pub(super) fn served(&self) -> PerDirection<Vec<u64>> {
        self.0.lock().served.clone()
    }
}

impl State {
    /// The sender whose data this packet carries or may carry.
    fn flow(&mut self, packet: &PacketView<'_>) -> Option<&mut Crossed> {
        let server = match packet.direction {
            Direction::ToServer => packet.to.port(),
            Direction::ToClient => packet.from.port(),
        };
        let index = self.flows.iter().position(|flow| *flow == (server, packet.direction))?;
        self.crossed.get_mut(index)
    }
}

impl Observer for FlowMeter {
    fn entered(&mut self, packet: &PacketView<'_>) {
        if let Some(crossed) = self.0.lock().flow(packet) {
            crossed.packets += 1;
            crossed.bytes += packet.ip_bytes as u64;
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let state = &mut *self.0.lock();
        if let Exit::Dropped(reason) = exit {
            if let Some(crossed) = state.flow(packet) {
                crossed.dropped += 1;
            }
            if reason != DropReason::Lost {
                return;
            }
        }
        // A packet that is lost on the wire has used the bottleneck.
        if packet.at >= state.begun {
            let bin = nanos(packet.at - state.begun) / nanos(state.bin);
            let (bin, served) =
                (usize::try_from(bin).unwrap_or(usize::MAX), &mut state.served[packet.direction]);
            if bin >= served.len() {
                served.resize(bin + 1, 0);
            }
            served[bin] += packet.ip_bytes as u64;
        }
    }
}
