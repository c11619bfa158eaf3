//! Probabilities as integer thresholds.

use rand::Rng;

use crate::unit::{Share, random::ChaCha8Rng};

/// A probability as a threshold on 63 random bits; with 64 there would be no threshold for 100%.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance(u64);

impl Chance {
    /// `part / whole`; 0 if `whole` is 0.
    pub(super) fn of(part: u64, whole: u64) -> Self {
        let threshold = (u128::from(part.min(whole)) << 63).checked_div(u128::from(whole));
        // At most 2^63.
        Self(threshold.unwrap_or(0) as u64)
    }

    /// Whether a draw of 64 bits is below the threshold.
    pub(super) fn hit(self, draw: u64) -> bool {
        draw >> 1 < self.0
    }
}

impl From<Share> for Chance {
    fn from(share: Share) -> Self {
        Self::of(share.parts(), Share::PARTS)
    }
}

/// A probability and its generator.
#[derive(Debug)]
pub(super) struct Coin {
    chance: Chance,
    rng: ChaCha8Rng,
}

impl Coin {
    /// The coin of an effect; `None` if its share is 0.
    pub(super) fn new(share: Share, rng: impl FnOnce() -> ChaCha8Rng) -> Option<Self> {
        (!share.is_zero()).then(|| Self { chance: share.into(), rng: rng() })
    }

    /// Takes one draw.
    pub(super) fn toss(&mut self) -> bool {
        self.chance.hit(self.rng.next_u64())
    }

    /// Always takes two draws. Returns the second if the first is a hit.
    pub(super) fn toss_with_value(&mut self) -> Option<u64> {
        let hit = self.toss();
        let value = self.rng.next_u64();
        hit.then_some(value)
    }
}
