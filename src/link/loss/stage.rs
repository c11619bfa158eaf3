//! When a packet is lost.

use std::ops::Range;

use super::{Loss, LossBy, gilbert::Chain};
use crate::{
    link::{
        effects::{Draws, Effect},
        random::Coin,
    },
    unit::{Time, nanos, random::ChaCha8Rng},
};

/// The loss of one direction.
#[derive(Debug)]
pub(super) enum LossStage {
    ByPacket(Model),
    ByTime(Slots),
    Listed(List),
    Outage(Range<Time>),
}

impl LossStage {
    /// The stage of a model; `None` if it loses nothing.
    pub(super) fn of(loss: &Loss, by: LossBy, rng: impl FnOnce() -> ChaCha8Rng) -> Option<Box<dyn Effect>> {
        let model = match loss {
            Loss::Independent(share) => Model::Independent(Coin::new(*share, rng)?),
            Loss::GilbertElliott(chain) => Model::GilbertElliott(Chain::new(*chain, rng())),
            Loss::Drop(numbers) => return Some(Box::new(Self::Listed(List::new(numbers.clone())))),
            Loss::Outage { start, length } => {
                let start = Time::ZERO + *start;
                return Some(Box::new(Self::Outage(start..start + *length)));
            }
        };
        Some(Box::new(match by {
            LossBy::Packet => Self::ByPacket(model),
            LossBy::Time(slot) => Self::ByTime(Slots::new(model, nanos(slot))),
        }))
    }
}

impl Effect for LossStage {
    fn draw(&mut self, draws: &mut Draws) {
        draws.lost = match self {
            Self::ByPacket(model) => model.step(),
            Self::Listed(list) => list.next_is_listed(),
            Self::ByTime(_) | Self::Outage(_) => false,
        };
    }

    fn serialised(&mut self, departs: Time, draws: &mut Draws) {
        draws.lost |= match self {
            Self::ByTime(slots) => slots.at(departs),
            Self::Outage(outage) => outage.contains(&departs),
            Self::ByPacket(_) | Self::Listed(_) => false,
        };
    }
}

/// A model that steps once per packet or slot.
#[derive(Debug)]
pub(super) enum Model {
    Independent(Coin),
    GilbertElliott(Chain),
}

impl Model {
    fn step(&mut self) -> bool {
        match self {
            Self::Independent(coin) => coin.toss(),
            Self::GilbertElliott(chain) => chain.step(),
        }
    }
}

/// A model that makes one step for each slot of time since the origin, used or not.
#[derive(Debug)]
pub(super) struct Slots {
    model: Model,
    length: u64,
    stepped: u64,
    lost: bool,
}

impl Slots {
    fn new(model: Model, length: u64) -> Self {
        Self { model, length: length.max(1), stepped: 0, lost: false }
    }

    fn at(&mut self, instant: Time) -> bool {
        let slot = instant.as_nanos() / self.length;
        while self.stepped <= slot {
            self.lost = self.model.step();
            self.stepped += 1;
        }
        self.lost
    }
}

/// Packet numbers in ascending order; those before `next` have passed.
#[derive(Debug)]
pub(super) struct List {
    numbers: Vec<u64>,
    next: usize,
    offered: u64,
}

impl List {
    fn new(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| *number > 0);
        Self { numbers, next: 0, offered: 0 }
    }

    fn next_is_listed(&mut self) -> bool {
        self.offered += 1;
        let listed = self.numbers.get(self.next) == Some(&self.offered);
        self.next += usize::from(listed);
        listed
    }
}
