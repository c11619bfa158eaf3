//! What the effects draw with: a generator for each, and chances as integer thresholds.

use rand::Rng;

use super::Direction;
use crate::unit::{
    Share,
    random::{ChaCha8Rng, generator},
};

/// Whatever draws has its own generator, so that switching one on moves no other's draws.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    Loss = 1,
    Jitter = 2,
    Reorder = 3,
    Duplicate = 4,
    Corrupt = 5,
    CopyJitter = 6,
}

/// The generator of one effect of one direction.
pub(super) fn effect_generator(seed: u64, direction: Direction, effect: Effect) -> ChaCha8Rng {
    // "link" in ASCII keeps these streams clear of those of other consumers of the same seed.
    const LINK: u64 = 0x6c69_6e6b_0000_0000;
    generator(seed, LINK | (direction as u64) << 8 | effect as u64)
}

/// A probability as a threshold on 63 random bits: 63, so that 100% has one too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance(u64);

impl Chance {
    /// `part` of `whole`; 0 if `whole` is.
    pub(super) fn of(part: u64, whole: u64) -> Self {
        let threshold = (u128::from(part.min(whole)) << 63).checked_div(u128::from(whole));
        // At most 2^63.
        Self(threshold.unwrap_or(0) as u64)
    }

    /// Whether a raw draw of 64 bits falls within the chance.
    pub(super) fn hit(self, draw: u64) -> bool {
        draw >> 1 < self.0
    }
}

impl From<Share> for Chance {
    fn from(share: Share) -> Self {
        Self::of(share.parts(), Share::PARTS)
    }
}

/// A chance with the generator that it is drawn from.
#[derive(Debug)]
pub(super) struct Coin {
    chance: Chance,
    rng: ChaCha8Rng,
}

impl Coin {
    /// The coin of an effect, or none if its share is 0.
    pub(super) fn new(share: Share, rng: impl FnOnce() -> ChaCha8Rng) -> Option<Self> {
        (!share.is_zero()).then(|| Self { chance: share.into(), rng: rng() })
    }

    /// One raw draw.
    pub(super) fn toss(&mut self) -> bool {
        self.chance.hit(self.rng.next_u64())
    }

    /// Two raw draws, whatever the first says: whether it hit, and the second.
    pub(super) fn toss_with_value(&mut self) -> Option<u64> {
        let hit = self.toss();
        let value = self.rng.next_u64();
        hit.then_some(value)
    }
}
