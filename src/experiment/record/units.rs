//! Assembles messages into the units of an application.

use std::sync::Arc;

use super::observe::{Sample, SampleSink, Status};
use crate::{
    experiment::{
        application::{
            Application,
            game::judge::{Ages, Update, ages},
            video::{
                Frame, Video,
                judge::{Received, VideoFigures, judge},
            },
        },
        workload::Workload,
    },
    unit::{Mutex, PerDirection, Time},
};

/// Follows the measured messages of a run, until its units can be judged.
#[derive(Debug)]
pub(in crate::experiment) struct Units {
    kind: Kind,
    messages: Arc<Mutex<Messages>>,
    workload: Workload,
}

#[derive(Debug)]
enum Kind {
    Frames(Video, Vec<Frame>),
    Updates,
}

/// The figures of the application of a run.
#[derive(Debug, Default)]
pub(in crate::experiment) struct Judged {
    pub(in crate::experiment) video: Option<VideoFigures>,
    pub(in crate::experiment) ages: Option<PerDirection<Ages>>,
}

#[derive(Debug)]
struct Messages {
    /// The number of the first measured message.
    first: u64,
    /// The fate of each measured message, from the first on.
    fates: Vec<Fate>,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The run was ended before it was due.
    NotDue,
    /// It did not arrive.
    Missing {
        due: Time,
    },
    Arrived {
        due: Time,
        at: Time,
    },
}

impl Units {
    /// The units of a run; `None` if its messages are judged one by one.
    pub(in crate::experiment) fn of(workload: &Workload, seed: u64) -> Option<Self> {
        let kind = match &workload.application {
            Application::Messages => return None,
            Application::Video(video) => {
                let frames = video.frames(workload.length, seed);
                let measured = frames.take_while(|frame| frame.at < workload.duration);
                Kind::Frames(video.clone(), measured.collect())
            }
            Application::Game(_) => Kind::Updates,
        };
        let scheduled = || workload.schedule(Time::ZERO, seed);
        let first = scheduled().find(|unit| unit.measured).map_or(0, |unit| unit.number);
        let count: u64 = scheduled().filter(|unit| unit.measured).map(|unit| u64::from(unit.count)).sum();
        let fates = vec![Fate::NotDue; usize::try_from(count).unwrap_or(usize::MAX)];
        let messages = Arc::new(Mutex::new(Messages { first, fates }));
        Some(Self { kind, messages, workload: workload.clone() })
    }

    /// A sink that notes each message and passes it on to `next`.
    pub(in crate::experiment) fn sink(&self, next: Option<SampleSink>) -> SampleSink {
        let (messages, workload, mut next) = (Arc::clone(&self.messages), self.workload.clone(), next);
        Box::new(move |sample| {
            messages.lock().note(workload.number(sample.id), sample);
            if let Some(next) = &mut next {
                next(sample);
            }
        })
    }

    /// Judges the units.
    pub(in crate::experiment) fn judged(self) -> Judged {
        match &self.kind {
            Kind::Frames(video, frames) => {
                let call = judge(&self.received(frames), video.playout, video.interval());
                Judged { video: Some(call), ..Judged::default() }
            }
            Kind::Updates => Judged { ages: Some(self.ages()), ..Judged::default() },
        }
    }

    /// The frames with all their messages due before the run ended.
    fn received(&self, frames: &[Frame]) -> Vec<Received> {
        let messages = self.messages.lock();
        let mut rest = &messages.fates[..];
        let frame = |frame: &Frame| {
            let (own, behind) = rest.split_at_checked(frame.pieces.count as usize)?;
            rest = behind;
            let mut complete = Some(Time::ZERO);
            let (mut captured, mut bytes, mut arrived_bytes) = (None, 0, 0);
            for (fate, size) in own.iter().zip(frame.pieces.sizes()) {
                let (due, at) = fate.instants()?;
                bytes += size as u64;
                arrived_bytes += at.map_or(0, |_| size as u64);
                complete = complete.zip(at).map(|(complete, at)| complete.max(at));
                captured.get_or_insert(due);
            }
            Some(Received { captured: captured?, is_key: frame.is_key, complete, bytes, arrived_bytes })
        };
        frames.iter().map_while(frame).collect()
    }

    /// The age of the newest state at each end, until an update after the last could have arrived at the earliest.
    fn ages(&self) -> PerDirection<Ages> {
        let messages = self.messages.lock();
        let due = |fate: &Fate| fate.instants().map(|(due, _)| due);
        let last = messages.fates.iter().filter_map(due).max().unwrap_or(Time::ZERO);
        // An end sends every second message.
        let next = last + self.workload.interval * 2;
        let way = |flow: u64| {
            // The number of a message tells its flow, and the flow its direction.
            let place = |(place, fate): (usize, &Fate)| {
                let is_own = (messages.first + place as u64) % 2 == flow;
                let (made, known) = fate.instants().filter(|_| is_own)?;
                Some(Update { made, known })
            };
            let updates: Vec<Update> = messages.fates.iter().enumerate().filter_map(place).collect();
            let took = |update: &Update| Some(update.known? - update.made);
            ages(&updates, next + updates.iter().filter_map(took).min().unwrap_or_default())
        };
        PerDirection { to_server: way(0), to_client: way(1) }
    }
}

impl Fate {
    /// When the message was due and when it arrived; `None` if it was not due.
    fn instants(self) -> Option<(Time, Option<Time>)> {
        match self {
            Self::NotDue => None,
            Self::Missing { due } => Some((due, None)),
            Self::Arrived { due, at } => Some((due, Some(at))),
        }
    }
}

impl Messages {
    fn note(&mut self, number: u64, sample: &Sample) {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        let Some(fate) = place.and_then(|place| self.fates.get_mut(place)) else { return };
        let due = sample.due;
        *fate = match sample.status {
            Status::Delivered => sample
                .latency()
                .map_or(Fate::Missing { due }, |latency| Fate::Arrived { due, at: due + latency }),
            Status::Lost | Status::Unfinished | Status::Unknown => Fate::Missing { due },
        };
    }
}
