//! A game: both ends send small updates of their state, and each update supersedes the last.

pub mod judge;

use std::{fmt, str::FromStr, time::Duration};

use super::ApplicationError;

/// A game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Game {
    /// Updates per second, in each direction.
    pub hz: u32,
}

/// Bytes of an update where no length is set.
pub const DEFAULT_LENGTH: usize = 100;
/// Updates per second where none are set.
const DEFAULT_HZ: u32 = 30;
/// Larger values are rejected as typing errors.
const MAX_HZ: u32 = 10_000;

impl Game {
    /// When update `number` of each end is due, relative to the first.
    pub(crate) fn due(self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.hz);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl FromStr for Game {
    type Err = ApplicationError;

    fn from_str(text: &str) -> Result<Self, ApplicationError> {
        if text.is_empty() {
            return Ok(Self { hz: DEFAULT_HZ });
        }
        let digits = text.strip_suffix("hz").or(text.strip_suffix("Hz")).unwrap_or(text);
        let hz = digits.parse().ok().filter(|hz| (1..=MAX_HZ).contains(hz));
        hz.map(|hz| Self { hz }).ok_or_else(|| ApplicationError::Invalid {
            what: "updates per second",
            value: text.to_owned(),
            expected: "a number from 1 to 10000, such as game:30",
        })
    }
}

impl fmt::Display for Game {
    /// The form of the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hz)
    }
}
