//! One episode of a run, packet by packet, for a ladder. The result file has episodes if charts or `--pictures` were
//! asked for.

use serde::{Deserialize, Serialize};

/// An end of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Sends requests; drawn on the left.
    Client,
    /// Sends replies; drawn on the right.
    Server,
}

/// A message by its number in the schedule, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Numbered {
    /// The number.
    pub number: u64,
    /// Its flow.
    pub flow: u32,
}

/// A part of a run. Instants are in nanoseconds, on one clock for both ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// The transport's name.
    pub transport: String,
    /// The seed of the run.
    pub seed: u64,
    /// The receiving end, at which messages may have waited.
    pub at: End,
    /// The message that was late or lost.
    pub subject: Subject,
    /// Messages that had arrived complete at that end and waited for the subject, in order of arrival.
    pub waits: Vec<Wait>,
    /// Every packet of the episode, ordered by [`Packet::at`] of the receiving end.
    pub packets: Vec<Packet>,
}

/// The message at the centre of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The message.
    pub message: Numbered,
    /// When those of its bytes that arrived last first entered the wire.
    pub entered_ns: u64,
    /// When it was complete at the receiving end, if it ever was.
    pub arrived_ns: Option<u64>,
    /// What happened to it.
    pub fate: Fate,
}

/// What happened to the subject of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A packet with its bytes was lost, and they were retransmitted.
    Lost,
    /// Later packets overtook it on the wire.
    Overtaken,
    /// It was sent after the messages that waited for it.
    SentLate,
    /// It was lost and not retransmitted.
    Gone,
    /// It arrived with the first packet that carried it.
    Unharmed,
}

/// A message that was held back by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The message.
    pub message: Numbered,
    /// When it was complete.
    pub arrived_ns: u64,
    /// When it was released to the application.
    pub released_ns: u64,
}

/// A packet on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// The sending end.
    pub from: End,
    /// When it entered the wire.
    pub entered_ns: u64,
    /// When it arrived, or would have arrived if not lost.
    pub arrives_ns: u64,
    /// Whether it was dropped on the wire, or discarded by the receiver as corrupted.
    pub lost: bool,
    /// The messages in it; none in a pure acknowledgement.
    pub carries: Vec<Carries>,
    /// Whether the packet was needed, if it carries bytes that were sent before; null if it carries none, or if that is
    /// not known.
    #[serde(default)]
    pub resent: Option<Resent>,
    /// How its sender detected its loss; null if it did not, or if that is not known.
    #[serde(default)]
    pub loss: Option<DetectedLoss>,
    /// The QUIC frames in it, in words; absent for other transports.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub frames: String,
}

/// Whether a packet with bytes that were sent before was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resent {
    /// Needed: some of its bytes had not arrived with earlier packets.
    Needed,
    /// Not needed: all of its bytes arrived with earlier packets.
    Needless,
}

/// A packet that its sender declared lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectedLoss {
    /// When the sender did so.
    pub at_ns: u64,
    /// Why.
    pub by: LossCause,
    /// Whether the packet arrived nevertheless: then the loss is false.
    pub arrived: bool,
}

/// Why a sender declared a packet lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossCause {
    /// A packet that was sent several later was acknowledged (RFC 9002 section 6.1.1).
    PacketThreshold,
    /// A later packet was acknowledged, and the time threshold has passed (RFC 9002 section 6.1.2).
    TimeThreshold,
    /// Duplicate acknowledgements (RFC 5681 section 3.2).
    DuplicateAcks,
    /// The retransmission timer expired (RFC 6298).
    Timeout,
    /// A probe timeout expired (RFC 9002 section 6.2). The probe repeated the packet's data, or its acknowledgement
    /// revealed the loss.
    Probe,
    /// The peer repeated a flight of the handshake, because it missed the answer (RFC 9147 section 5.8.1).
    RepeatedFlight,
    /// Unknown, because the sender does not report its losses. It sent the packet's data again.
    #[serde(rename = "retransmission")]
    Unknown,
}

/// A message in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carries {
    /// The message.
    pub message: Numbered,
    /// Whether its bytes are a retransmission.
    pub again: bool,
}

impl End {
    /// The name of this end.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl LossCause {
    /// All causes.
    pub const ALL: [Self; 7] = [
        Self::PacketThreshold,
        Self::TimeThreshold,
        Self::DuplicateAcks,
        Self::Timeout,
        Self::Probe,
        Self::RepeatedFlight,
        Self::Unknown,
    ];

    /// The cause in words.
    pub(in crate::report) const fn words(self) -> &'static str {
        match self {
            Self::PacketThreshold => "packet threshold",
            Self::TimeThreshold => "time threshold",
            Self::DuplicateAcks => "duplicate acknowledgements",
            Self::Timeout => "retransmission timeout",
            Self::Probe => "probe timeout",
            Self::RepeatedFlight => "repeated flight of the peer",
            Self::Unknown => "retransmission",
        }
    }
}

impl Packet {
    /// When it left `end`, or arrives there.
    pub fn at(&self, end: End) -> u64 {
        if self.from == end { self.entered_ns } else { self.arrives_ns }
    }
}
