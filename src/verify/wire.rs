//! The wire that the cases measure.

use crate::{
    experiment::{self, Observers, Outcome, Plan, RunError},
    link::{Event, Link, LinkSpec},
    path::StopSignal,
    unit::{Direction, Time},
};

/// The wire under test. Experiments use [`RealWire`]; tests wrap and break it.
pub trait Wire: Sync {
    /// The arrival time of each packet over one direction of a link; `None` if it is dropped. An offer is the time of
    /// sending and the size in IP bytes.
    fn arrivals(&self, spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>>;

    /// A run of an experiment in virtual time. Fails like [`experiment::run`].
    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError>;
}

/// The wire of experiments.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealWire;

impl Wire for RealWire {
    fn arrivals(&self, spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        let mut link = Link::new(spec, seed, Direction::ToServer);
        let mut arrivals = vec![None; offers.len()];
        let mut poll = |link: &mut Link<usize>, now| {
            while let Some(event) = link.poll(now) {
                if let Event::Delivered(delivered) = event {
                    arrivals[delivered.packet] = Some(delivered.at);
                }
            }
        };
        for (index, &(now, ip_bytes)) in offers.iter().enumerate() {
            poll(&mut link, now);
            link.enqueue(now, ip_bytes, index);
        }
        while let Some(due) = link.poll_timeout() {
            poll(&mut link, due);
        }
        arrivals
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        experiment::run(plan, seed, Observers::default(), &StopSignal::default())
    }
}
