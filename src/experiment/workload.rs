//! What is sent, when, and how long to wait for replies.

use std::{str::FromStr, time::Duration};

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
    /// Independent sequences of messages, which take turns.
    pub flows: u32,
    /// Between two messages, over all flows together.
    pub interval: Duration,
    /// Bytes of a request.
    pub length: usize,
    /// Bytes of a reply.
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

/// One message of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled {
    /// Its number in the schedule, from 0.
    pub number: u64,
    /// When it is due.
    pub due: Time,
    /// Whether it counts, or only warms up.
    pub measured: bool,
}

/// A message that is larger than [`Workload::MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {}", Size::from_bytes(Workload::MAX_BYTES))]
pub struct MessageTooLong;

impl Workload {
    /// The largest message: each end bounds what it holds.
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

    /// The same workload, in which the first reply may come as late as `links` make it.
    pub(super) fn patient_for(&self, links: Option<&PerDirection<LinkSpec>>) -> Self {
        let round_trip = links.map(|links| links.to_server.delay + links.to_client.delay);
        let most = self.wait.after_datagrams(round_trip).max(self.wait.most);
        Self { wait: Wait { most, ..self.wait }, ..self.clone() }
    }

    /// The schedule from `start` on. It depends on the seed only where arrivals are random.
    pub fn schedule(&self, start: Time, seed: u64) -> Schedule {
        /// Keeps the draws apart from those of the link.
        const ARRIVALS_STREAM: u64 = 0x4152_5249;
        Schedule {
            rng: random::generator(seed, ARRIVALS_STREAM),
            arrivals: self.arrivals,
            interval: self.interval,
            measured_from: start + self.warmup,
            end: start + self.warmup + self.duration,
            next: Scheduled { number: 0, due: start, measured: self.warmup.is_zero() },
        }
    }
}

/// The messages to be sent, in order.
#[derive(Debug, Clone)]
pub struct Schedule {
    rng: ChaCha8Rng,
    arrivals: Arrivals,
    interval: Duration,
    measured_from: Time,
    end: Time,
    next: Scheduled,
}

impl Schedule {
    /// The instant from which messages count.
    pub fn measured_from(&self) -> Time {
        self.measured_from
    }

    fn gap(&mut self) -> Duration {
        match self.arrivals {
            Arrivals::Isochronous => self.interval,
            Arrivals::Poisson => {
                // 1 - u lies in (0, 1], where the logarithm is finite.
                let exponential = -libm::log(1.0 - random::unit(&mut self.rng));
                self.interval.mul_f64(exponential)
            }
        }
    }
}

impl Iterator for Schedule {
    type Item = Scheduled;

    fn next(&mut self) -> Option<Scheduled> {
        let this = self.next;
        if this.due >= self.end {
            return None;
        }
        let due = this.due + self.gap();
        self.next = Scheduled { number: this.number + 1, due, measured: due >= self.measured_from };
        Some(this)
    }
}
