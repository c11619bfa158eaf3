//! Errors of parsing a value with a unit. Each message suggests valid input.

use thiserror::Error;

/// Why a value could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitError {
    /// There is no number.
    #[error("`{text}` is not a {quantity}: write {example}")]
    NotANumber {
        /// The input.
        text: String,
        /// The quantity.
        quantity: &'static str,
        /// An example of valid input.
        example: &'static str,
    },
    /// A number without a unit.
    #[error("`{text}` has no unit: write {hint}")]
    NoUnit {
        /// The input.
        text: String,
        /// The number with likely units.
        hint: String,
    },
    /// An unknown unit.
    #[error("`{text}` has the unknown unit `{unit}`: use {known}")]
    UnknownUnit {
        /// The input.
        text: String,
        /// The unit.
        unit: String,
        /// The known units.
        known: &'static str,
    },
    /// More decimals than can be represented.
    #[error("`{text}` is finer than {finest}: leave off some decimals")]
    TooFine {
        /// The input.
        text: String,
        /// The smallest step.
        finest: &'static str,
    },
    /// Above the largest value.
    #[error("`{text}` is over {bound}: a {quantity} is at most that")]
    TooLarge {
        /// The input.
        text: String,
        /// The quantity.
        quantity: &'static str,
        /// The largest value.
        bound: &'static str,
    },
    /// Below zero.
    #[error("`{text}` is negative: a {quantity} is at least 0")]
    Negative {
        /// The input.
        text: String,
        /// The quantity.
        quantity: &'static str,
    },
    /// A time of zero where something has to take time.
    #[error("expected a time above 0")]
    ZeroDuration,
    /// A rate of zero.
    #[error("a rate of 0 carries nothing: write 1.5mbit, or leave the option out")]
    ZeroRate,
}

/// Escapes and shortens `text` for an error message.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut line: String = text.chars().flat_map(char::escape_debug).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
