//! The random effects of a link.

use std::fmt;

use super::{Direction, LinkSpec, PROPERTIES};
use crate::unit::{
    Time,
    random::{ChaCha8Rng, generator},
};

/// A random effect of one direction.
pub(super) trait Effect: fmt::Debug + Send {
    /// Takes the draws of the next offered packet: the same number of draws for every packet.
    fn draw(&mut self, draws: &mut Draws);

    /// Acts on a packet whose last bit leaves the bottleneck at `departs`. Instants do not decrease.
    fn serialised(&mut self, _departs: Time, _draws: &mut Draws) {}
}

/// The draws for one packet.
#[derive(Debug, Clone, Default)]
pub(super) struct Draws {
    /// Whether it is lost behind the bottleneck.
    pub(super) lost: bool,
    /// Nanoseconds to add to the delay.
    pub(super) jitter: i64,
    /// Whether it skips the delay.
    pub(super) reordered: bool,
    pub(super) duplicated: bool,
    /// Nanoseconds to add to the delay of the copy.
    pub(super) copy_jitter: i64,
    /// A draw for the bit to flip.
    pub(super) corrupt: Option<u64>,
    pub(super) replayed: bool,
    /// The bytes for a forgery of the packet.
    pub(super) injected: Option<u64>,
    /// A draw from [0, 1) for a queue that drops at random.
    pub(super) queue: f64,
}

/// The effects that are on, each with its own generators.
#[derive(Debug)]
pub(super) struct Effects(Vec<Box<dyn Effect>>);

impl Effects {
    pub(super) fn new(spec: &LinkSpec, generators: &mut Generators) -> Self {
        Self(PROPERTIES.iter().filter_map(|property| (property.effect)(spec, generators)).collect())
    }

    /// Draws once from every effect.
    pub(super) fn draw(&mut self) -> Draws {
        let mut draws = Draws::default();
        self.0.iter_mut().for_each(|effect| effect.draw(&mut draws));
        draws
    }

    /// The last bit of a packet leaves the bottleneck at `departs`.
    pub(super) fn serialised(&mut self, departs: Time, draws: &mut Draws) {
        self.0.iter_mut().for_each(|effect| effect.serialised(departs, draws));
    }
}

/// The generators of one direction. Each effect has its own, so that enabling one does not change the draws of another.
#[derive(Debug)]
pub(super) struct Generators {
    seed: u64,
    direction: Direction,
    /// A bit for each number that is in use.
    taken: u64,
}

impl Generators {
    pub(super) fn new(seed: u64, direction: Direction) -> Self {
        Self { seed, direction, taken: 0 }
    }

    /// The generator for `purpose`, which belongs to one effect.
    pub(super) fn take(&mut self, purpose: Draw) -> ChaCha8Rng {
        // "link" in ASCII: no other consumer of the seed uses these streams.
        const LINK: u64 = 0x6c69_6e6b_0000_0000;
        let number = purpose as u64;
        debug_assert_eq!(self.taken & 1 << number, 0, "two effects take the generator of {purpose:?}");
        self.taken |= 1 << number;
        generator(self.seed, LINK | (self.direction as u64) << 8 | number)
    }
}

/// What a generator is for. A number selects a stream of the seed, so it must never change, nor be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    Loss = 1,
    Jitter = 2,
    Reorder = 3,
    Duplicate = 4,
    Corrupt = 5,
    /// The jitter of duplicates.
    CopyJitter = 6,
    Inject = 7,
    /// A queue that drops at random.
    Queue = 8,
    /// The key for the hash of flows.
    FlowKey = 9,
    /// A rate that changes at random.
    Rate = 10,
    Replay = 11,
}
