//! Which packets the wire loses.

mod gilbert;
mod stage;
mod text;

use std::time::Duration;

use crate::unit::Share;

pub(super) use stage::LossStage;

/// The loss model of one direction; what is written for each is in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Each packet (or slot) on its own, with one probability (`1%`).
    Independent(Share),
    /// A chain of a good and a bad state (`gemodel:P:R:H:K`, or `gilbert:P:R` where all of the bad
    /// state is lost and none of the good).
    GilbertElliott(GilbertElliott),
    /// The packets with these numbers, the first packet offered being 1 (`drop:3:17:40`). In
    /// ascending order as parsed; any order will do.
    Drop(Vec<u64>),
    /// All that finish their serialisation in [start, start + length) (`outage:2s:300ms`).
    Outage {
        /// From the origin of the path.
        start: Duration,
        /// How long.
        length: Duration,
    },
}

impl Loss {
    /// A wire that loses nothing.
    pub const NONE: Self = Self::Independent(Share::ZERO);
}

impl Default for Loss {
    fn default() -> Self {
        Self::NONE
    }
}

/// The Gilbert-Elliott chain, in netem's letters but with its 1-h and 1-k turned round.
///
/// It starts in its stationary distribution. For each packet (or slot) it makes its transition first
/// and then draws the packet's survival. The loss is `[p(1-h) + r(1-k)] / (p+r)`, the mean run of the
/// bad state `1/r`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GilbertElliott {
    /// Chance to go from the good state to the bad.
    pub p: Share,
    /// Chance to go from the bad state to the good.
    pub r: Share,
    /// Chance that a packet survives in the bad state.
    pub h: Share,
    /// Chance that a packet survives in the good state.
    pub k: Share,
}

/// What a draw of the loss model is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LossBy {
    /// A packet offered (`packet`): the n-th packet meets the n-th draw, whenever it is sent.
    #[default]
    Packet,
    /// A slot of time of this length (`time:1ms`): every packet whose serialisation ends in the slot
    /// shares its fate, and that fate depends on nothing but the seed, the direction and the number
    /// of the slot.
    Time(Duration),
}

impl LossBy {
    /// The slot where `time` is written without one.
    pub const DEFAULT_SLOT: Duration = Duration::from_millis(1);
    /// The shortest slot: each one since the origin of the path costs a draw.
    pub const SHORTEST_SLOT: Duration = Duration::from_micros(10);
}
