//! The shares of a request that several machines run.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One of several shares of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Its number, from 1.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

/// An invalid share of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// Not `I/N`.
    #[error("invalid value `{0}`: expected I/N, such as 3/7 for the third of seven parts")]
    Form(String),
    /// No parts, or more than 100,000.
    #[error("invalid number of parts `{0}`: expected 1 to {MAX_SHARDS}")]
    Count(u32),
    /// The number is not one of the parts.
    #[error("invalid value `{index}/{count}`: the parts are numbered from 1 to {count}")]
    Range {
        /// The number.
        index: u32,
        /// How many parts there are.
        count: u32,
    },
}

/// Larger numbers of parts are rejected as typing errors.
pub(crate) const MAX_SHARDS: u32 = 100_000;

impl Shard {
    /// Its jobs, of those that are [dealt](super::deal()) to all shares.
    pub fn jobs(self, mut dealt: Vec<Vec<usize>>) -> Vec<usize> {
        let index = self.index as usize - 1;
        if index < dealt.len() { dealt.swap_remove(index) } else { Vec::new() }
    }

    /// The share with this number, from 1 to `count`.
    ///
    /// Returns an error if there is none.
    pub fn new(index: u32, count: u32) -> Result<Self, InvalidShard> {
        match index {
            _ if !(1..=MAX_SHARDS).contains(&count) => Err(InvalidShard::Count(count)),
            index if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(InvalidShard::Range { index, count }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || InvalidShard::Form(text.to_owned());
        let (index, count) = text.split_once('/').ok_or_else(form)?;
        let number = |text: &str| text.parse().map_err(|_| form());
        Self::new(number(index)?, number(count)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_as_a_fraction() {
        assert_eq!("3/7".parse(), Ok(Shard { index: 3, count: 7 }));
        let said = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert_eq!(said("1/0"), "invalid number of parts `0`: expected 1 to 100000");
        assert_eq!(said("8/7"), "invalid value `8/7`: the parts are numbered from 1 to 7");
        for wrong in ["", "3", "0/7", "8/7", "1/0", "1/100001", "a/7", "3/7/9", "-1/7"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
