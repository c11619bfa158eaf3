//! What tells the four variants apart: a handful of rules, in a file for each.

mod go_back_n;
mod selective;
mod stop_and_wait;
mod unordered;

use super::Mode;

/// The rules of a variant. All else is common to all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// How many segments the sender may have unacknowledged, whatever the windows allow.
    pub(super) most_outstanding: u64,
    /// Whether the receiver keeps what comes ahead of a gap, and says so.
    pub(super) keeps_ahead: bool,
    /// Whether messages are released in the order in which they were sent.
    pub(super) ordered: bool,
}

impl Rules {
    pub(super) fn of(mode: Mode) -> Self {
        match mode {
            Mode::StopAndWait => stop_and_wait::RULES,
            Mode::GoBackN => go_back_n::RULES,
            Mode::Selective => selective::RULES,
            Mode::Unordered => unordered::RULES,
        }
    }

    /// Whether a loss sends again all that followed it: it must, where the receiver has kept none of it.
    pub(super) fn goes_back(&self) -> bool {
        !self.keeps_ahead
    }
}
