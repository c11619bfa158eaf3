//! The four variants: one file of rules each.

mod go_back_n;
mod rules;
mod selective;
mod stop_and_wait;
mod unordered;

pub(super) use self::rules::Rules;
use super::Mode;

/// The rules of `mode`.
pub(super) fn rules(mode: Mode) -> Rules {
    match mode {
        Mode::StopAndWait => stop_and_wait::RULES,
        Mode::GoBackN => go_back_n::RULES,
        Mode::Selective => selective::RULES,
        Mode::Unordered => unordered::RULES,
    }
}
