//! One episode of a run, packet by packet: what a ladder draws. Not a part of the result file.

/// Which end of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The end that asks, on the left.
    Client,
    /// The end that answers, on the right.
    Server,
}

/// A message by its number in the schedule, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered {
    /// The number.
    pub number: u64,
    /// The flow that it belongs to.
    pub flow: u32,
}

/// A stretch of a run on virtual time. Instants are nanoseconds of one clock for both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The transport's name.
    pub transport: String,
    /// The seed of the run.
    pub seed: u64,
    /// The end at which messages waited, or would have.
    pub at: End,
    /// What came late, or not at all.
    pub subject: Subject,
    /// What lay complete at that end, and waited for the subject, in the order of arrival.
    pub waits: Vec<Wait>,
    /// Every packet of the episode, in the order in which the receiving end would see them: by
    /// [`Packet::at`] of that end.
    pub packets: Vec<Packet>,
}

/// The message that an episode is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Which.
    pub message: Numbered,
    /// When it entered the wire: of its bytes, those that came last.
    pub entered_ns: u64,
    /// When it was complete at the receiving end; `None` if it never was.
    pub arrived_ns: Option<u64>,
    /// What happened to it.
    pub fate: Fate,
}

/// Why a message is worth an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A packet with it was lost, and its bytes were sent again.
    Lost,
    /// It was overtaken on the wire.
    Overtaken,
    /// It was sent after the messages that waited for it.
    SentLate,
    /// It was lost, and nothing sends it again.
    Gone,
    /// Nothing: it came with the first packet that carried it.
    Unharmed,
}

/// A message that waited for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Which.
    pub message: Numbered,
    /// When it was complete.
    pub arrived_ns: u64,
    /// When order let the application have it.
    pub released_ns: u64,
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The end that sent it.
    pub from: End,
    /// When it entered the wire.
    pub entered_ns: u64,
    /// When it arrived, or would have.
    pub arrives_ns: u64,
    /// Whether it was dropped on the way, or thrown away at the far end because bits had changed.
    pub lost: bool,
    /// The messages in it; none in a packet that only acknowledges.
    pub carries: Vec<Carries>,
}

/// A message in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carries {
    /// Which.
    pub message: Numbered,
    /// Whether these bytes of it had been sent before.
    pub again: bool,
}

impl End {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl Packet {
    /// When it left `end`, or arrives there.
    pub fn at(&self, end: End) -> u64 {
        if self.from == end { self.entered_ns } else { self.arrives_ns }
    }
}
