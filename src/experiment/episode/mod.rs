//! One episode of a run, chosen and collected for a ladder.
//!
//! A run is a pure function of its plan and seed, so it is run twice: once to find the episode, and once more to
//! take down what belongs to it. Neither holds more than the episode and what went shortly before.

mod choose;
mod collect;
mod find;

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use self::choose::choose;
use self::{collect::Collector, find::Finder};
use super::{error::RunError, observe::Observers, plan::Plan, run::run};
use crate::report::episode::Episode;

/// Which episode of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The longest time that a message waited for its turn; where none did, the longest recovery from a loss; where
    /// nothing is sent again, the first loss.
    Longest,
    /// What befell the message with this number in the schedule, and those that waited for it.
    Message(u64),
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Longest => f.write_str("longest"),
            Self::Message(number) => write!(f, "seq={number}"),
        }
    }
}

/// Names no episode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no episode; there are: longest, and seq=N for message number N of the schedule, from 0")]
pub struct UnknownEpisode(String);

impl FromStr for Which {
    type Err = UnknownEpisode;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let number = name.strip_prefix("seq=").and_then(|number| number.parse().ok());
        match number {
            Some(number) => Ok(Self::Message(number)),
            None if name == "longest" => Ok(Self::Longest),
            None => Err(UnknownEpisode(name.to_owned())),
        }
    }
}

/// Runs `plan` in virtual time and takes down an episode of it. `None` if it has none: nothing was lost or had to
/// wait, or the message was not of the measured time.
///
/// # Errors
///
/// Those of [`super::simulate`].
pub fn episode(plan: &Plan, seed: u64, which: Which) -> Result<Option<Episode>, RunError> {
    let finder = Shared::new(Finder::new(which, plan.workload.clone()));
    let samples = finder.clone();
    run(
        plan,
        seed,
        Observers { samples: Some(Box::new(move |sample| samples.lock().note(sample))), packets: None },
    )?;
    let Some(found) = finder.lock().found() else {
        return Ok(None);
    };
    let collector = Shared::new(Collector::new(found));
    let (samples, packets) = (collector.clone(), collector.clone());
    run(
        plan,
        seed,
        Observers {
            samples: Some(Box::new(move |sample| samples.lock().sample(sample))),
            packets: Some(Box::new(move |packet| packets.lock().packet(packet))),
        },
    )?;
    let episode = collector.lock().episode(plan, seed);
    Ok(Some(episode))
}

/// What an observer fills while a run has it, for when the run is over.
struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    fn new(inner: T) -> Self {
        Self(Arc::new(Mutex::new(inner)))
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests;
