//! Messages put together to the units of an application.

use std::sync::Arc;

use super::observe::{Sample, SampleSink, Status};
use crate::{
    experiment::{
        application::video::{
            Frame, Video,
            judge::{Received, VideoFigures, judge},
        },
        workload::Workload,
    },
    unit::{Mutex, Time},
};

/// Follows the measured messages of a run, until its units can be judged.
#[derive(Debug)]
pub(in crate::experiment) struct Units {
    video: Video,
    frames: Vec<Frame>,
    length: u64,
    messages: Arc<Mutex<Messages>>,
    workload: Workload,
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
        let video = workload.application.video()?.clone();
        let scheduled = || workload.schedule(Time::ZERO, seed);
        let first = scheduled().find(|unit| unit.measured).map_or(0, |unit| unit.number);
        let count: u64 = scheduled().filter(|unit| unit.measured).map(|unit| u64::from(unit.count)).sum();
        let frames = video.frames(workload.length, seed).take_while(|frame| frame.at < workload.duration);
        let fates = vec![Fate::NotDue; usize::try_from(count).unwrap_or(usize::MAX)];
        Some(Self {
            frames: frames.collect(),
            length: workload.length as u64,
            messages: Arc::new(Mutex::new(Messages { first, fates })),
            workload: workload.clone(),
            video,
        })
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

    /// What was seen of the call.
    pub(in crate::experiment) fn video(&self) -> VideoFigures {
        judge(&self.received(), self.video.playout, self.video.interval())
    }

    /// The frames of which every message was due before the run ended.
    fn received(&self) -> Vec<Received> {
        let messages = self.messages.lock();
        let mut rest = &messages.fates[..];
        let frame = |frame: &Frame| {
            let (own, behind) = rest.split_at_checked(frame.messages as usize)?;
            rest = behind;
            let mut complete = Some(Time::ZERO);
            let mut captured = None;
            for fate in own {
                let (due, at) = match *fate {
                    Fate::NotDue => return None,
                    Fate::Missing { due } => (due, None),
                    Fate::Arrived { due, at } => (due, Some(at)),
                };
                complete = complete.zip(at).map(|(complete, at)| complete.max(at));
                captured.get_or_insert(due);
            }
            let bytes = u64::from(frame.messages) * self.length;
            Some(Received { captured: captured?, is_key: frame.is_key, complete, bytes })
        };
        self.frames.iter().map_while(frame).collect()
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
