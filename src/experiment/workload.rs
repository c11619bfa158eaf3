//! What is sent, when, and how long to wait for replies.

use std::{str::FromStr, time::Duration};

use super::application::{Application, Unit, game::Game, video::Frames};
pub use crate::report::Arrivals;
use crate::{
    link::LinkSpec,
    unit::{
        PerDirection, Size, Time,
        random::{self, ChaCha8Rng},
    },
    wire::MessageId,
};

/// Not the name of a kind of arrivals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown arrivals `{0}`: expected isochronous, poisson")]
pub struct UnknownArrivals(String);

impl FromStr for Arrivals {
    type Err = UnknownArrivals;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Isochronous, Self::Poisson]
            .into_iter()
            .find(|arrivals| arrivals.to_string() == name)
            .ok_or_else(|| UnknownArrivals(name.to_owned()))
    }
}

/// How long to wait for what is outstanding after the last message: `times` the longest round trip seen, at
/// most `most`. irtt's `--wait` has the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Multiples of the longest round trip.
    pub times: u32,
    /// The most that is waited, and what is waited if no message came back.
    pub most: Duration,
}

impl Wait {
    /// How long that is when the longest round trip was `longest`.
    pub fn after(self, longest: Option<Duration>) -> Duration {
        /// Many times nothing is nothing, and the machine takes its time too.
        const LEAST: Duration = Duration::from_millis(100);
        let Some(longest) = longest else { return self.most };
        longest.saturating_mul(self.times).max(LEAST).min(self.most)
    }

    /// The same for datagrams: a queue that is emptied in its own time delays them longer than any before, but no
    /// retransmission can, so one and a half of the longest round trip is waited even beyond `most`.
    pub fn after_datagrams(self, longest: Option<Duration>) -> Duration {
        let round_trip = longest.unwrap_or_default();
        self.after(longest).max(round_trip.saturating_add(round_trip / 2))
    }
}

/// The messages of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// What is sent, and what counts as success. The other fields say how messages carry it.
    pub application: Application,
    /// Independent sequences of messages, which take turns.
    pub flows: u32,
    /// Between two messages on average, over all flows together.
    pub interval: Duration,
    /// Bytes of a request. The last message of a frame may be shorter.
    pub length: usize,
    /// Bytes of a reply; 0 if there are none.
    pub reply_length: usize,
    /// How the schedule is spaced.
    pub arrivals: Arrivals,
    /// Sent before the measured time and left out of all figures.
    pub warmup: Duration,
    /// The measured time.
    pub duration: Duration,
    /// The patience after the last message.
    pub wait: Wait,
    /// A message that takes longer is of no use to the application.
    pub deadline: Duration,
}

/// A unit of the schedule: one message, or several that are due together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled {
    /// The number of its first message in the schedule, from 0.
    pub number: u64,
    /// How many messages it has.
    pub count: u32,
    /// Bytes of the last, if it is shorter than [`Workload::length`].
    pub last: Option<usize>,
    /// When it is due.
    pub due: Time,
    /// When the last unit is due that refers to it.
    pub needed: Time,
    /// Whether it counts, or only warms up.
    pub measured: bool,
}

/// A message that is larger than [`Workload::MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {}", Size::from_bytes(Workload::MAX_BYTES))]
pub struct MessageTooLong;
impl Scheduled {
    /// Its messages, each as a unit of its own.
    pub(crate) fn messages(self) -> impl Iterator<Item = Self> {
        (0..self.count).map(move |place| {
            let last = self.last.filter(|_| place + 1 == self.count);
            Self { number: self.number + u64::from(place), count: 1, last, ..self }
        })
    }
}

impl Workload {
    /// The largest message, because each end limits how much it buffers.
    pub const MAX_BYTES: u64 = 16 << 20;

    /// The length of a message of this size.
    ///
    /// Returns an error if the size is over [`Self::MAX_BYTES`].
    pub fn length_of(size: Size) -> Result<usize, MessageTooLong> {
        let bytes = Some(size.bytes()).filter(|&bytes| bytes <= Self::MAX_BYTES);
        bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or(MessageTooLong)
    }

    /// The workload of an experiment in virtual time with default options, except for the deadline.
    pub fn usual(deadline: Duration) -> Self {
        Self {
            application: Application::Messages,
            flows: 8,
            interval: Duration::from_millis(10),
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::from_secs(1),
            duration: Duration::from_secs(60),
            wait: Wait { times: 3, most: Duration::from_secs(4) },
            deadline,
        }
    }

    /// The same workload with the messages of `application`.
    pub fn carrying(self, application: Application) -> Self {
        let isochronous = Self { arrivals: Arrivals::Isochronous, ..self };
        match &application {
            Application::Messages => Self { application, ..self },
            Application::Video(video) => {
                let messages = video.mean_messages(isochronous.length);
                let interval = video.interval().div_f64(messages).max(Duration::from_nanos(1));
                Self { flows: 1, interval, reply_length: 0, application, ..isochronous }
            }
            Application::Game(game) => {
                let reply_length = isochronous.length;
                Self { flows: 2, interval: game.due(1) / 2, reply_length, application, ..isochronous }
            }
        }
    }

    /// The deadline where none is set: two round trips, or 100 ms where no round trip is known.
    pub fn default_deadline(links: Option<&PerDirection<LinkSpec>>) -> Duration {
        const UNKNOWN: Duration = Duration::from_millis(100);
        let two = links.map(|links| (links.to_server.delay + links.to_client.delay) * 2);
        two.filter(|two| !two.is_zero()).unwrap_or(UNKNOWN)
    }

    /// The flow and the place in it of the message with this number.
    pub fn id(&self, number: u64) -> MessageId {
        let flows = u64::from(self.flows);
        MessageId { flow: (number % flows) as u32, seq: number / flows }
    }

    /// The number of a message; the inverse of [`Workload::id`].
    pub fn number(&self, id: MessageId) -> u64 {
        id.seq.saturating_mul(u64::from(self.flows)).saturating_add(u64::from(id.flow))
    }

    /// The schedule from `start` on. It depends on the seed only where arrivals or sizes are random.
    ///
    /// A video begins with the warm-up, and again with the measured time.
    pub fn schedule(&self, start: Time, seed: u64) -> Schedule {
        let units = self.units(seed);
        let measured_from = start + self.warmup;
        let again = (!self.warmup.is_zero()).then(|| self.again(seed)).flatten();
        Schedule { units, again, begun: start, measured_from, end: measured_from + self.duration, next: 0 }
    }

    fn units(&self, seed: u64) -> Units {
        /// Keeps the draws apart from those of the link.
        const ARRIVALS_STREAM: u64 = 0x4152_5249;
        match &self.application {
            Application::Messages => Units::Messages(Gaps {
                rng: random::generator(seed, ARRIVALS_STREAM),
                arrivals: self.arrivals,
                interval: self.interval,
                due: Duration::ZERO,
            }),
            Application::Video(video) => Units::Frames(video.frames(self.length, seed)),
            Application::Game(game) => Units::Updates(*game, 0),
        }
    }

    /// The units that start over with the measured time. A video starts over, with its first key frame.
    fn again(&self, seed: u64) -> Option<Units> {
        self.application.video().map(|_| self.units(seed))
    }
}

/// The units to be sent, in order.
#[derive(Debug, Clone)]
pub struct Schedule {
    units: Units,
    /// The units of the measured time, if they start over then.
    again: Option<Units>,
    /// When the first of the units was due.
    begun: Time,
    measured_from: Time,
    end: Time,
    /// The number of the next message.
    next: u64,
}

#[derive(Debug, Clone)]
enum Units {
    Messages(Gaps),
    Frames(Frames),
    /// The number of the next update. Both ends send one: the client's message is the first of the unit.
    Updates(Game, u64),
}

/// Single messages, with gaps between them.
#[derive(Debug, Clone)]
struct Gaps {
    rng: ChaCha8Rng,
    arrivals: Arrivals,
    interval: Duration,
    due: Duration,
}

impl Gaps {
    fn next(&mut self) -> Duration {
        let due = self.due;
        self.due = due.saturating_add(match self.arrivals {
            Arrivals::Isochronous => self.interval,
            Arrivals::Poisson => {
                // 1 - u lies in (0, 1], where the logarithm is finite.
                let exponential = -libm::log(1.0 - random::unit(&mut self.rng));
                self.interval.mul_f64(exponential)
            }
        });
        due
    }
}

impl Units {
    fn next(&mut self) -> Option<Unit> {
        match self {
            Self::Messages(gaps) => {
                let due = gaps.next();
                Some(Unit { due, messages: 1, last: None, needed: due })
            }
            Self::Frames(frames) => frames.next().map(|frame| frame.unit()),
            Self::Updates(game, next) => {
                let due = game.due(*next);
                *next += 1;
                Some(Unit { due, messages: 2, last: None, needed: due })
            }
        }
    }
}

impl Schedule {
    /// The instant from which messages count.
    pub(crate) fn measured_from(&self) -> Time {
        self.measured_from
    }
}

impl Iterator for Schedule {
    type Item = Scheduled;

    fn next(&mut self) -> Option<Scheduled> {
        let mut unit = self.units.next()?;
        if self.begun + unit.due >= self.measured_from
            && let Some(again) = self.again.take()
        {
            (self.units, self.begun) = (again, self.measured_from);
            unit = self.units.next()?;
        }
        let due = self.begun + unit.due;
        if due >= self.end {
            return None;
        }
        let number = self.next;
        self.next += u64::from(unit.messages);
        Some(Scheduled {
            number,
            count: unit.messages,
            last: unit.last,
            due,
            needed: self.begun + unit.needed,
            measured: due >= self.measured_from,
        })
    }
}
