//! Loss models.

mod gilbert;
mod property;
mod stage;
mod text;

use std::time::Duration;

use crate::unit::Share;

pub(super) use property::{LOSS, LOSS_BY};

/// The loss model of one direction; the notation of each is in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Each packet (or slot) on its own, with one probability (`1%`).
    Independent(Share),
    /// A chain of a good and a bad state: `gemodel:P:R:H:K`, or `gilbert:P:R`, which loses every packet in
    /// the bad state and none in the good one.
    GilbertElliott(GilbertElliott),
    /// The packets with these numbers, counted from 1 in the order of offers (`drop:3:17:40`). Any order is valid.
    Drop(Vec<u64>),
    /// Every packet that ends its serialisation in [start, start + length) (`outage:2s:300ms`).
    Outage {
        /// From the origin of the path.
        start: Duration,
        /// Its length.
        length: Duration,
    },
}

impl Loss {
    /// No loss.
    pub const NONE: Self = Self::Independent(Share::ZERO);
}

impl Default for Loss {
    fn default() -> Self {
        Self::NONE
    }
}

/// The Gilbert-Elliott chain. The letters are netem's, but h and k are chances of survival (netem: 1-h, 1-k).
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

/// What each draw of the loss model applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LossBy {
    /// An offered packet (`packet`): the n-th packet gets the n-th draw, whenever it is sent.
    #[default]
    Packet,
    /// A slot of time of this length (`time:1ms`): every packet whose serialisation ends in the slot
    /// shares its fate, and that fate depends on nothing but the seed, the direction and the number
    /// of the slot.
    Time(Duration),
}

impl LossBy {
    /// The default length of a slot.
    pub(crate) const DEFAULT_SLOT: Duration = Duration::from_millis(1);
    /// The shortest slot. Each slot since the origin of the path costs a draw.
    pub(crate) const SHORTEST_SLOT: Duration = Duration::from_micros(10);
}
