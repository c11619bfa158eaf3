//! Seeded random number generators, one for each consumer.
//!
//! ChaCha8 is used because its output is defined by its specification. `StdRng` may change its algorithm between
//! versions of `rand`, which would change every published result.

use std::f64::consts::TAU;

use rand::{Rng, SeedableRng};
pub use rand_chacha::ChaCha8Rng;

/// The generator of a `stream` of a `seed`.
///
/// The streams of a seed are independent, so enabling one consumer does not change the draws of the others.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Draws uniformly from [0, 1) with 53 random bits.
pub fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Draws uniformly from (0, 1] with 53 random bits.
pub(crate) fn above_zero(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

/// Draws from a normal distribution with mean 0 (Box and Muller, whose second value is not used).
pub(crate) fn normal(rng: &mut ChaCha8Rng, deviation: f64) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(above_zero(rng)));
    let angle = TAU * above_zero(rng);
    deviation * radius * libm::cos(angle)
}

/// Draws a 32-byte key from a `stream` of a `seed`.
pub(crate) fn key(seed: u64, stream: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    generator(seed, stream).fill_bytes(&mut bytes);
    bytes
}
