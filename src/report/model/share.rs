//! Senders that share a bottleneck.

use serde::{Deserialize, Serialize};

use super::{flag::Flag, ratio::Ratio, wire::TransferDirection};

/// Senders that share the bottleneck of one direction. Means are over seeds, and intervals from the spread between
/// them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The direction of all senders' data.
    pub direction: TransferDirection,
    /// The time over which Jain's index, the shares and the utilisation are taken: all senders run, and the warm-up is
    /// over. Null if there is none.
    pub measured_ns: Option<[u64; 2]>,
    /// Jain's index of the goodputs (Jain, Chiu, Hawe 1984): 1 if all are equal, 1/n if one of n senders has it all.
    pub jain_index: Option<Ratio>,
    /// Its 95% confidence interval; null with fewer than two seeds.
    pub jain_index_ci95: Option<[Ratio; 2]>,
    /// IP bytes that left the bottleneck, as a share of what its rate allows; null without a fixed rate.
    pub utilisation_ratio: Option<Ratio>,
    /// The 95th percentile of the queueing delay at the bottleneck; `queue` has the other figures of it.
    pub queue_p95_ns: Option<u64>,
    /// The senders.
    pub senders: Vec<ShareSender>,
}

/// One of the senders.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ShareSender {
    /// As it was written.
    pub sender: String,
    /// The transport by its name in `-t`.
    pub transport: String,
    /// The congestion controller; null if there is none or it is not known.
    pub congestion: Option<String>,
    /// The rate of raw datagrams; null if congestion control decides.
    pub pace_bps: Option<u64>,
    /// When it starts.
    pub start_ns: u64,
    /// When it ends.
    pub end_ns: u64,
    /// Bits of content per second that its receiver got while it ran.
    pub goodput_bps: Option<u64>,
    /// Its 95% confidence interval; null with fewer than two seeds.
    pub goodput_ci95_bps: Option<[u64; 2]>,
    /// Its part of all goodput in the measured time.
    pub share_ratio: Option<Ratio>,
    /// Its 95% confidence interval; null with fewer than two seeds.
    pub share_ci95_ratio: Option<[Ratio; 2]>,
    /// Packets with its data that were offered to the link.
    pub packets: u64,
    /// Those that the link dropped.
    pub dropped: u64,
    /// The same as a share.
    pub loss_ratio: Option<Ratio>,
    /// Retransmitted packets; null where it cannot be known.
    pub retransmitted_packets: Option<u64>,
    /// From its start until it has its fair share and keeps it; null if it did not join others, or did not converge.
    pub converge_ns: Option<u64>,
    /// The number of seeds in which it did.
    pub converged: u64,
    /// Why it did not converge in some seed; null if it converged in each.
    pub converge_reason: Option<String>,
    /// What limited it besides congestion control.
    pub flags: Vec<Flag>,
    /// Why it stopped early in the first seed in which it did; null if it never did.
    pub stopped: Option<String>,
}

/// The goodput of each sender of the first seed over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareSeries {
    /// The seed.
    pub seed: u64,
    /// Length of a bin.
    pub bin_ns: u64,
    /// Bits of content per second in each bin, for each sender.
    pub goodput_bps: Vec<Vec<u64>>,
}
