//! Seeded generators, one for each thing that is drawn.
//!
//! ChaCha8 because its values are fixed by its definition: `StdRng` may change its algorithm between
//! versions of `rand`, and with it every published result.

use rand::{Rng, SeedableRng};
pub use rand_chacha::ChaCha8Rng;

/// The generator of one `stream` of one `seed`.
///
/// Streams of one seed are independent of each other, so that switching one consumer of randomness
/// on leaves the draws of all others where they were.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// A uniform draw from [0, 1) with 53 random bits.
pub fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// 32 bytes for a key, from one `stream` of one `seed`.
pub fn key(seed: u64, stream: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    generator(seed, stream).fill_bytes(&mut bytes);
    bytes
}
