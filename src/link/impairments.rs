//! The random effects of a link.

use super::{
    Direction, LinkSpec,
    jitter::JitterSource,
    loss::LossStage,
    random::{Coin, Effect, effect_generator},
};

/// The random effects of one direction, each with its own generator.
#[derive(Debug)]
pub(super) struct Impairments {
    pub(super) loss: LossStage,
    jitter: Option<JitterSource>,
    reorder: Option<Coin>,
    duplicate: Option<Coin>,
    copy_jitter: Option<JitterSource>,
    corrupt: Option<Coin>,
}

/// The draws for one packet.
#[derive(Debug)]
pub(super) struct Draws {
    pub(super) lost: bool,
    /// Nanoseconds to add to the delay.
    pub(super) jitter: i64,
    /// Whether the packet skips the delay.
    pub(super) reordered: bool,
    pub(super) duplicated: bool,
    /// Nanoseconds to add to the delay of the copy.
    pub(super) copy_jitter: i64,
    pub(super) corrupt: Option<u64>,
}

impl Impairments {
    pub(super) fn new(spec: &LinkSpec, seed: u64, direction: Direction) -> Self {
        let rng = |effect| move || effect_generator(seed, direction, effect);
        let jitter = spec.jitter.filter(|jitter| !jitter.amount.is_zero());
        let jitter_by = |effect| jitter.map(|jitter| JitterSource::new(jitter, rng(effect)()));
        Self {
            loss: LossStage::new(spec.loss.clone(), spec.loss_by, rng(Effect::Loss)),
            jitter: jitter_by(Effect::Jitter),
            reorder: Coin::new(spec.reorder, rng(Effect::Reorder)),
            duplicate: Coin::new(spec.duplicate, rng(Effect::Duplicate)),
            copy_jitter: jitter_by(Effect::CopyJitter).filter(|_| !spec.duplicate.is_zero()),
            corrupt: Coin::new(spec.corrupt, rng(Effect::Corrupt)),
        }
    }

    /// Draws once from every enabled effect.
    pub(super) fn draw(&mut self) -> Draws {
        Draws {
            lost: self.loss.offered(),
            jitter: self.jitter.as_mut().map_or(0, JitterSource::draw),
            reordered: self.reorder.as_mut().is_some_and(Coin::toss),
            duplicated: self.duplicate.as_mut().is_some_and(Coin::toss),
            copy_jitter: self.copy_jitter.as_mut().map_or(0, JitterSource::draw),
            corrupt: self.corrupt.as_mut().and_then(Coin::toss_with_value),
        }
    }
}
