//! A row of a result.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    cpu::Cpu,
    ecn::Ecn,
    flag::Flag,
    game::Game,
    hol::{Budget, Delayed, Hol, Theory},
    latency::Latency,
    link::Link,
    load::Load,
    memory::Memory,
    migration::Migration,
    network::Network,
    page::Page,
    pictures::Pictures,
    queueing::Queueing,
    ratio::Ratio,
    share::Share,
    video::Video,
    wire::{Handshake, Recovery, Transfer, Wire},
};
use crate::stats::Summary;

/// One transport on one link and path with one workload, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The transport by its name in `-t`.
    pub transport: String,
    /// The path: `sim`, `relay`, `netns` or `direct`.
    pub path: String,
    /// The server's URL; null if the run had its own server.
    pub server: Option<String>,
    /// The address that the server's name stood for; null if the run had its own server.
    #[serde(default)]
    pub server_address: Option<String>,
    /// The emulated link; null on `direct`.
    pub link: Option<Link>,
    /// What was sent.
    pub workload: Workload,
    /// The congestion controller by its name in `-C`; null if there is none or it is not known.
    pub congestion: Option<String>,
    /// The thresholds at which packets were declared lost; null if the transport has none.
    #[serde(default)]
    pub loss_detection: Option<LossDetection>,
    /// How many seeds are pooled.
    pub seeds: u64,
    /// How many messages were delivered, lost, and so on.
    pub messages: Option<Messages>,
    /// Lost messages as a share of those scheduled, without those whose fate is unknown.
    pub loss_ratio: Option<Ratio>,
    /// Messages within the deadline as a share of those scheduled, without those whose fate is unknown.
    pub on_time_ratio: Option<Ratio>,
    /// Set-up time, one value per connection.
    pub connect_ns: Option<Summary>,
    /// From the scheduled send to the release of the reply, over delivered messages.
    pub latency_ns: Option<Latency>,
    /// From the scheduled instant to the actual send.
    pub send_delay_ns: Option<Summary>,
    /// Where the latency went.
    pub budget_ns: Option<Budget>,
    /// Messages with recovery + order wait > 0.
    pub delayed: Option<Delayed>,
    /// Messages with order wait > 0.
    pub hol: Option<Hol>,
    /// What the closed form expects.
    pub theory: Option<Theory>,
    /// Why no closed form applies, if none does.
    pub theory_reason: Option<String>,
    /// When a server that went away sent its last reply, from the first message on; null if none went away.
    #[serde(default)]
    pub server_gone_ns: Option<u64>,
    /// What crossed the link.
    pub wire: Option<Wire>,
    /// What the queues of the link did; null without an emulated link with a rate.
    #[serde(default)]
    pub queue: Option<Queueing>,
    /// What ECN did; null if the link does not use it.
    #[serde(default)]
    pub ecn: Option<Ecn>,
    /// What the network did, as far as the two ends can know it.
    pub network: Option<Network>,
    /// What the transport did about losses.
    pub recovery: Option<Recovery>,
    /// Figures of `transfer`.
    pub transfer: Option<Transfer>,
    /// The background beside the messages; null without one.
    #[serde(default)]
    pub load: Option<Load>,
    /// Processor time of the ends' threads; null in virtual time.
    #[serde(default)]
    pub cpu: Option<Cpu>,
    /// The change of the client's address; null without one.
    #[serde(default)]
    pub migration: Option<Migration>,
    /// What the viewer of a video call saw; null for other workloads.
    #[serde(default)]
    pub video: Option<Video>,
    /// The age of the state of a game; null for other workloads.
    #[serde(default)]
    pub game: Option<Game>,
    /// When the objects of a page were complete; null for other workloads.
    #[serde(default)]
    pub page: Option<Page>,
    /// Figures of `share`.
    pub share: Option<Share>,
    /// Figures of `handshake`.
    pub handshake: Option<Handshake>,
    /// Figures of `handshake --hold`; null for other commands.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// Figures of each seed.
    pub per_seed: Vec<PerSeed>,
    /// What limits or qualifies the figures.
    pub flags: Vec<Flag>,
    /// Data for charts only; absent unless charts, `--pictures` or `--samples` were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
    /// The index of the result that it comes from, if several are shown as one; not in the file.
    #[serde(skip)]
    pub origin: usize,
}

impl Cell {
    /// A cell without figures.
    pub fn new(
        transport: impl Into<String>,
        path: impl Into<String>,
        link: Option<Link>,
        workload: Workload,
    ) -> Self {
        Self {
            transport: transport.into(),
            path: path.into(),
            server: None,
            server_address: None,
            link,
            workload,
            congestion: None,
            loss_detection: None,
            seeds: 0,
            messages: None,
            loss_ratio: None,
            on_time_ratio: None,
            connect_ns: None,
            latency_ns: None,
            send_delay_ns: None,
            budget_ns: None,
            delayed: None,
            hol: None,
            theory: None,
            theory_reason: None,
            server_gone_ns: None,
            wire: None,
            queue: None,
            ecn: None,
            network: None,
            recovery: None,
            transfer: None,
            load: None,
            cpu: None,
            migration: None,
            video: None,
            game: None,
            page: None,
            share: None,
            handshake: None,
            memory: None,
            per_seed: Vec::new(),
            flags: Vec::new(),
            pictures: None,
            origin: 0,
        }
    }
}

impl Cell {
    /// Whether messages are judged one by one, not as parts of what an application sends.
    pub(crate) fn judges_messages(&self) -> bool {
        self.video.is_none() && self.game.is_none() && self.page.is_none()
    }
}

/// The thresholds of loss detection (RFC 9002 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossDetection {
    /// How many packets later one must be acknowledged.
    pub packet_threshold: u32,
    /// How many round trips must have passed since the packet was sent.
    pub time_threshold: Ratio,
}

/// What was sent; null where the command has no such setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// The application, as in `--workload`.
    #[serde(default)]
    pub application: Option<String>,
    /// From the capture of a frame to the instant at which it is shown.
    #[serde(default)]
    pub playout_ns: Option<u64>,
    /// Whether the sender gives up frames that can no longer be shown in time.
    #[serde(default)]
    pub drop_late: Option<bool>,
    /// Independent sequences of messages.
    pub flows: u64,
    /// Time between two messages, over all flows together.
    pub interval_ns: Option<u64>,
    /// Length of a request.
    pub length_bytes: Option<u64>,
    /// Length of a reply.
    pub reply_length_bytes: Option<u64>,
    /// The spacing of messages.
    pub arrivals: Option<Arrivals>,
    /// Measured time of one seed.
    pub duration_ns: Option<u64>,
    /// Time before it that is not measured.
    pub warmup_ns: Option<u64>,
    /// Wait after the last send, in longest round trips …
    pub wait_round_trips: Option<u64>,
    /// … and at most this long.
    pub wait_max_ns: Option<u64>,
    /// A reply after this time counts as late.
    pub deadline_ns: Option<u64>,
}

/// The spacing of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Equal intervals.
    Isochronous,
    /// Independent exponential intervals with the given mean.
    Poisson,
}

impl fmt::Display for Arrivals {
    /// The name in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Counts of messages, summed over seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// Due within the measured time.
    pub scheduled: u64,
    /// Handed to the transport.
    pub sent: u64,
    /// Answered before the wait ended.
    pub delivered: u64,
    /// Answered within the deadline; null if there is none.
    pub on_time: Option<u64>,
    /// Unanswered, on a transport that does not retransmit; or given up by one that does.
    pub lost: u64,
    /// Unanswered at the end, on a transport that was still trying.
    pub unfinished: u64,
    /// Not answered when the server went away, without lost datagrams. No ratio counts them.
    #[serde(default)]
    pub unknown: u64,
    /// Answered more than once.
    pub duplicated: Option<u64>,
    /// Replies with a sequence number below one already seen (RFC 4737).
    pub reordered: Option<u64>,
    /// Replies with wrong bytes.
    pub corrupted: Option<u64>,
    /// Datagrams of secured transports that were dropped because they were changed, forged or replayed.
    #[serde(default)]
    pub rejected: Option<u64>,
}

impl Messages {
    /// Messages with a known fate: the denominator of ratios.
    pub fn known(&self) -> u64 {
        self.scheduled.saturating_sub(self.unknown)
    }
}

/// The figures of one seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PerSeed {
    /// The seed.
    pub seed: u64,
    /// Median latency.
    pub p50_ns: Option<u64>,
    /// 99th percentile of the latency.
    pub p99_ns: Option<u64>,
    /// As in the cell.
    pub loss_ratio: Option<Ratio>,
    /// As in the cell.
    pub delayed_ratio: Option<Ratio>,
    /// As in the cell.
    pub blocked_ratio: Option<Ratio>,
}
