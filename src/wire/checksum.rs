//! The checksum of probe headers and their extensions.

/// A 32-bit checksum of `words`.
///
/// The mixer is splitmix64's. Each step is a bijection of its input word, so a change of one word always changes the
/// 64-bit state. Only its upper half is kept.
pub(super) fn checksum(words: impl IntoIterator<Item = u64>) -> u32 {
    let mixed = words.into_iter().fold(0u64, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    (mixed >> 32) as u32
}
