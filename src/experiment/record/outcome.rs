//! The figures of one run.

use std::time::Duration;

use crate::{
    experiment::record::{blocking::OrderFigures, budget::BudgetSums, network::NetworkFigures},
    link::Counters,
    path::Fidelity,
    stats::Histogram,
    transport::Recovery,
    unit::PerDirection,
};

/// The figures of one run: one transport, one workload, one seed.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Messages of the measured time, counted.
    pub messages: Messages,
    /// From the scheduled instant to the reply's release, of delivered messages, in nanoseconds.
    pub latency: Histogram,
    /// From the scheduled to the real instant of sending, in nanoseconds.
    pub send_delay: Histogram,
    /// Where the time of delivered messages went, if the path knows it.
    pub budget: BudgetSums,
    /// What recovery and order cost each delayed message, in nanoseconds; its sum is that over all delivered
    /// messages too, because it cost the others nothing.
    pub extra: Histogram,
    /// What order did, both directions together.
    pub order: OrderFigures,
    /// The same of each direction alone: to the server, to the client.
    pub order_by_direction: PerDirection<OrderFigures>,
    /// From nothing to a connection that can carry messages; `None` if there never was one.
    pub connect: Option<Duration>,
    /// What the client's end did to recover from loss, over the whole run.
    pub client: Recovery,
    /// The same of the server's end.
    pub server: Recovery,
    /// What the network did, as far as the two ends could tell.
    pub network: NetworkFigures,
    /// The run was made against a server elsewhere.
    pub remote: bool,
    /// The run was ended from outside: the schedule was not completed, or replies were still due.
    pub interrupted: bool,
    /// Why the connection was lost before the schedule was over, if it was.
    pub broken: Option<String>,
    /// When a server elsewhere that went away sent its last reply, from the first message on.
    pub server_gone: Option<Duration>,
    /// What the wire did in the measured time and after it, to the server and to the client; `None` where
    /// the path is not ours.
    pub wire: Option<PerDirection<Counters>>,
    /// How true the wire was to its model over the whole run; `None` in virtual time, where it is, and where there is
    /// no wire of ours.
    pub fidelity: Option<Fidelity>,
}

/// Messages of the measured time. `scheduled = delivered + lost + unfinished + unknown`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Messages {
    /// That were due.
    pub scheduled: u64,
    /// That were handed to the transport.
    pub sent: u64,
    /// Whose reply came back intact.
    pub delivered: u64,
    /// Whose reply came back within the deadline.
    pub on_time: u64,
    /// That a datagram transport did not bring back.
    pub lost: u64,
    /// That a reliable transport had not brought back when patience ended, or any transport when the run was
    /// interrupted.
    pub unfinished: u64,
    /// That a server elsewhere had not answered when it went away, but for lost datagrams: part of no ratio.
    pub unknown: u64,
    /// Replies that came a second time.
    pub duplicated: u64,
    /// That came back after one that was sent later (RFC 4737).
    pub reordered: u64,
    /// Requests and replies that arrived with changed bits, and were thrown away.
    pub corrupted: u64,
    /// Datagrams that a secured transport dropped because they were not authentic.
    pub rejected: u64,
}

impl Messages {
    /// Those of which it is known what became of them: the denominator of ratios.
    pub fn known(&self) -> u64 {
        self.scheduled - self.unknown
    }
}
