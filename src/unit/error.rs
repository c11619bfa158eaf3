//! Why a value was refused, in one line that says what would do.

use thiserror::Error;

/// A value that does not read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitError {
    /// No number where one is expected.
    #[error("`{text}` is not a {kind}: write {example}")]
    NotANumber {
        /// What was written.
        text: String,
        /// What it should be.
        kind: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// A bare number.
    #[error("`{text}` has no unit: write {hint}")]
    NoUnit {
        /// What was written.
        text: String,
        /// The same number with the units that it may have meant.
        hint: String,
    },
    /// A unit that will not do.
    #[error("`{text}` has the unknown unit `{unit}`: use {known}")]
    UnknownUnit {
        /// What was written.
        text: String,
        /// Its unit.
        unit: String,
        /// The units that would do.
        known: &'static str,
    },
    /// More decimals than the value can hold.
    #[error("`{text}` is finer than {finest}: leave off some decimals")]
    TooFine {
        /// What was written.
        text: String,
        /// The smallest step.
        finest: &'static str,
    },
    /// Above the largest value.
    #[error("`{text}` is over {bound}: a {kind} is at most that")]
    TooLarge {
        /// What was written.
        text: String,
        /// What it should be.
        kind: &'static str,
        /// The largest value.
        bound: &'static str,
    },
    /// Below zero.
    #[error("`{text}` is negative: a {kind} is at least 0")]
    Negative {
        /// What was written.
        text: String,
        /// What it should be.
        kind: &'static str,
    },
    /// A rate that would never carry anything.
    #[error("a rate of 0 carries nothing; leave --rate out for unlimited")]
    ZeroRate,
}

/// `text` as an error may quote it: one line, and short.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut line: String = text.chars().flat_map(char::escape_debug).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
