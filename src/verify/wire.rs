//! The wire that the cases measure.

use crate::{
    experiment::{self, Observers, Outcome, Plan, RunError},
    link::{Event, Link, LinkSpec},
    unit::{Direction, Time},
};

/// One direction of a link: takes a packet of so many IP bytes at an instant, and returns when it arrives; `None` if it
/// is dropped.
pub type OneWay = Box<dyn FnMut(Time, usize) -> Option<Time>>;

/// The wire under test. Experiments use [`RealWire`]; tests wrap and break it.
pub trait Wire: Sync {
    /// One direction of a link, on its own.
    fn one_way(&self, spec: LinkSpec, seed: u64) -> OneWay;

    /// A run of an experiment in virtual time. Fails like [`experiment::run`].
    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError>;
}

/// The wire of experiments.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealWire;

impl Wire for RealWire {
    fn one_way(&self, spec: LinkSpec, seed: u64) -> OneWay {
        let mut link = Link::new(spec, seed, Direction::ToServer);
        Box::new(move |now, ip_bytes| {
            link.enqueue(now, ip_bytes, ());
            match link.poll(Time::MAX)? {
                Event::Delivered(delivered) => Some(delivered.at),
                Event::Dropped(_) => None,
            }
        })
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        experiment::run(plan, seed, Observers::default())
    }
}
