//! The figures of one run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    experiment::application::{game::judge::Ages, video::judge::VideoFigures},
    experiment::record::{blocking::OrderFigures, budget::BudgetSums, network::NetworkFigures, trace::Trace},
    link::Counters,
    path::{EcnCounts, Fidelity, QueueDelays, ThreadUsage},
    stats::Histogram,
    tap::TruthFigures,
    transport::Recovery,
    unit::PerDirection,
};

/// The figures of one run: one transport, one workload, one seed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
    /// Connection set-up; `None` if it failed.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub connect: Option<Duration>,
    /// What the client's end did to recover from loss, over the whole run.
    pub client: Recovery,
    /// The same of the server's end.
    pub server: Recovery,
    /// What the two ends know about the network.
    pub network: NetworkFigures,
    /// The run was made against a remote server.
    pub remote: bool,
    /// The deadline, where it was measured for the run.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub deadline: Option<Duration>,
    /// The run was ended from outside: the schedule was not completed, or replies were still due.
    pub interrupted: bool,
    /// Why the connection was lost before the schedule was over, if it was.
    pub broken: Option<String>,
    /// When a remote server that went away sent its last reply, counted from the first message.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub server_gone: Option<Duration>,
    /// What the link did in the measured time and after it, in each direction; `None` without an emulated link.
    pub wire: Option<PerDirection<Counters>>,
    /// How long packets waited in the queues of the link meanwhile; `None` without an emulated link with a rate.
    pub queue: Option<QueueDelays>,
    /// The packets of the run by their ECN field; `None` if the link does not use ECN.
    pub ecn: Option<PerDirection<EcnCounts>>,
    /// How exactly the path emulated the link over the whole run; `None` in virtual time, which is exact, and without a
    /// link.
    pub fidelity: Option<Fidelity>,
    /// What the two ends' threads have used since the measured time began; `None` in virtual time.
    pub usage: Option<Usage>,
    /// Losses on the link, compared with those that the senders declared; `None` where they are not known.
    pub truth: Option<TruthFigures>,
    /// What the viewer of a call saw; `None` for other applications.
    pub video: Option<VideoFigures>,
    /// The age of the newest state at each end; `None` for other applications.
    pub ages: Option<PerDirection<Ages>>,
    /// The timeline of the run, if it was recorded for pictures.
    pub trace: Option<Trace>,
}

/// What the threads of a client and its server have used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The client's.
    pub client: ThreadUsage,
    /// The server's; `None` if it is another program.
    pub server: Option<ThreadUsage>,
}

/// Messages of the measured time. `scheduled = delivered + lost + unfinished + unknown`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// Messages that were due.
    pub scheduled: u64,
    /// Messages handed to the transport.
    pub sent: u64,
    /// Messages with an intact reply.
    pub delivered: u64,
    /// Messages with a reply within the deadline.
    pub on_time: u64,
    /// Messages that a datagram transport did not deliver.
    pub lost: u64,
    /// Messages not yet delivered when the wait ended on a reliable transport, or when the run was interrupted.
    pub unfinished: u64,
    /// Messages that a remote server had not answered when it went away, without lost datagrams: in no ratio.
    pub unknown: u64,
    /// Duplicate replies.
    pub duplicated: u64,
    /// Replies that arrived after one that was sent later (RFC 4737).
    pub reordered: u64,
    /// Requests and replies discarded because of changed bits.
    pub corrupted: u64,
    /// Datagrams that the two ends of a secured transport dropped because they were not authentic. `None` if an end
    /// does not count them.
    pub rejected: Option<u64>,
}

impl Messages {
    /// Messages with a known fate: the denominator of ratios.
    pub fn known(&self) -> u64 {
        self.scheduled - self.unknown
    }
}
