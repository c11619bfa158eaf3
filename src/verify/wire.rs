//! The wire that the cases measure.

use crate::{
    experiment::{self, Observers, Outcome, Plan, RunError},
    link::{Link, LinkSpec, Verdict},
    unit::{Direction, Time},
};

/// One direction of a link: takes the instant and the IP bytes of a packet, and returns its verdict.
pub type OneWay = Box<dyn FnMut(Time, usize) -> Verdict>;

/// The wire under test. Experiments use [`RealWire`]; tests wrap and break it.
pub trait Wire: Sync {
    /// One direction of a link, on its own.
    fn one_way(&self, spec: LinkSpec, seed: u64) -> OneWay;

    /// A run of an experiment in virtual time.
    ///
    /// # Errors
    ///
    /// As [`experiment::run`].
    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError>;
}

/// The wire of experiments.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealWire;

impl Wire for RealWire {
    fn one_way(&self, spec: LinkSpec, seed: u64) -> OneWay {
        let mut link = Link::new(spec, seed, Direction::ToServer);
        Box::new(move |now, ip_bytes| {
            while link.poll_delivery(now).is_some() {}
            link.enqueue(now, ip_bytes, ())
        })
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        experiment::run(plan, seed, Observers::default())
    }
}
