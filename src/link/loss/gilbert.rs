//! The state of a Gilbert-Elliott chain.

use rand::Rng;

use super::GilbertElliott;
use crate::{link::random::Chance, unit::random::ChaCha8Rng};

/// A chain with its state and its generator.
#[derive(Debug)]
pub(super) struct Chain {
    bad: bool,
    leave_good: Chance,
    leave_bad: Chance,
    survive_bad: Chance,
    survive_good: Chance,
    rng: ChaCha8Rng,
}

impl Chain {
    /// Starts in the stationary distribution, with one draw: in the bad state with probability `p / (p+r)`.
    pub(super) fn new(model: GilbertElliott, mut rng: ChaCha8Rng) -> Self {
        let (p, r) = (model.p.parts(), model.r.parts());
        Self {
            bad: Chance::of(p, p + r).hit(rng.next_u64()),
            leave_good: model.p.into(),
            leave_bad: model.r.into(),
            survive_bad: model.h.into(),
            survive_good: model.k.into(),
            rng,
        }
    }

    /// Makes a transition, then draws whether the packet is lost. Always takes two draws.
    pub(super) fn step(&mut self) -> bool {
        let (transition, survival) = (self.rng.next_u64(), self.rng.next_u64());
        let leave = if self.bad { self.leave_bad } else { self.leave_good };
        self.bad ^= leave.hit(transition);
        let survive = if self.bad { self.survive_bad } else { self.survive_good };
        !survive.hit(survival)
    }
}
