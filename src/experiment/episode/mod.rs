//! One episode of a run, chosen and collected for a ladder.
//!
//! In virtual time a run is a pure function of its plan and seed, so it is made twice: to find the episode, and to
//! collect its packets. Neither holds more than the episode and what preceded it. In real time one run is recorded as a
//! whole.

mod choose;
mod collect;
mod find;
mod pair;

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

pub use self::{
    choose::{choose, choose_contrast},
    pair::pair,
};
use self::{
    collect::Collector,
    find::{Finder, Found},
};
use super::{
    bench::run::run,
    error::RunError,
    plan::Plan,
    record::observe::{Observers, PacketEvent, Sample},
};
use crate::{path::StopSignal, report::episode::Episode, unit::Mutex};

/// Which episode of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The longest stall; without one, the longest recovery from a loss; without that, the first loss.
    Longest,
    /// The message with this number in the schedule, and the messages that it blocked.
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

/// An unknown name of an episode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown episode `{0}`: expected longest, or seq=N for message number N of the schedule, from 0")]
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

/// Runs `plan` and collects an episode. `None` if nothing was lost or blocked, or if the message was not sent in the
/// measured time.
///
/// Fails like [`super::run`], and like it ends soon after `stop` is set.
pub fn episode(plan: &Plan, seed: u64, which: Which, stop: &StopSignal) -> Result<Option<Episode>, RunError> {
    if plan.path.is_real_time() {
        return recorded_episode(plan, seed, which, stop);
    }
    let finder = run_sampled(plan, seed, stop, Finder::new(which, plan.workload.clone()), Finder::note)?;
    let found = finder.lock().found();
    found.map(|found| collected(plan, seed, found, stop)).transpose()
}

/// Runs `plan` again and collects the episode `found`.
fn collected(plan: &Plan, seed: u64, found: Found, stop: &StopSignal) -> Result<Episode, RunError> {
    let collector = Arc::new(Mutex::new(Collector::new(found, Duration::ZERO)));
    run_watched(plan, seed, stop, &collector, Collector::sample, Collector::packet)?;
    let episode = collector.lock().episode(plan, seed);
    Ok(episode)
}

/// Runs `plan` and passes every message to `note`.
fn run_sampled<T: Send + 'static>(
    plan: &Plan,
    seed: u64,
    stop: &StopSignal,
    watcher: T,
    note: impl Fn(&mut T, &Sample) + Send + 'static,
) -> Result<Arc<Mutex<T>>, RunError> {
    let watcher = Arc::new(Mutex::new(watcher));
    let noted = watcher.clone();
    let samples = Box::new(move |sample: &Sample| note(&mut noted.lock(), sample));
    run(plan, seed, Observers { samples: Some(samples), ..Observers::default() }, stop)?;
    Ok(watcher)
}

/// In real time no two runs are alike, so one run is recorded as a whole and searched afterwards.
fn recorded_episode(
    plan: &Plan,
    seed: u64,
    which: Which,
    stop: &StopSignal,
) -> Result<Option<Episode>, RunError> {
    let watched = WatchedRun::of(plan, seed, stop)?;
    let mut finder = Finder::new(which, plan.workload.clone());
    watched.samples.iter().for_each(|sample| finder.note(sample));
    Ok(finder.found().map(|found| watched.episode(plan, seed, found)))
}

/// In real time, messages that one packet releases are read one by one, at most this far apart.
const SAME_RELEASE: Duration = Duration::from_millis(1);

/// All messages and packets of a run.
#[derive(Default)]
struct WatchedRun {
    samples: Vec<Sample>,
    packets: Vec<PacketEvent>,
}

impl WatchedRun {
    fn of(plan: &Plan, seed: u64, stop: &StopSignal) -> Result<Self, RunError> {
        let watched = Arc::<Mutex<Self>>::default();
        run_watched(
            plan,
            seed,
            stop,
            &watched,
            |watched, sample| watched.samples.push(*sample),
            |watched, packet| watched.packets.push(packet),
        )?;
        let watched = std::mem::take(&mut *watched.lock());
        Ok(watched)
    }

    fn episode(self, plan: &Plan, seed: u64, found: Found) -> Episode {
        let mut collector = Collector::new(found, SAME_RELEASE);
        self.samples.iter().for_each(|sample| collector.sample(sample));
        self.packets.into_iter().for_each(|packet| collector.packet(packet));
        collector.episode(plan, seed)
    }
}

fn run_watched<T: Send + 'static>(
    plan: &Plan,
    seed: u64,
    stop: &StopSignal,
    watcher: &Arc<Mutex<T>>,
    sample: fn(&mut T, &Sample),
    packet: fn(&mut T, PacketEvent),
) -> Result<(), RunError> {
    let (samples, packets) = (watcher.clone(), watcher.clone());
    let observers = Observers {
        samples: Some(Box::new(move |seen| sample(&mut samples.lock(), seen))),
        packets: Some(Box::new(move |seen| packet(&mut packets.lock(), seen))),
        follows_losses: true,
        ..Observers::default()
    };
    run(plan, seed, observers, stop).map(drop)
}
