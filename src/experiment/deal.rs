//! Which jobs of a request each of several machines runs.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{driver::Experiment, request::Request};

/// One of several shares of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Its number, from 1.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

/// Not a share of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// Not `I/N`.
    #[error("invalid value `{0}`: expected I/N, such as 3/7 for the third of seven parts")]
    Form(String),
    /// The number is not one of the parts.
    #[error(
        "invalid value `{index}/{count}`: the parts are numbered from 1 to {count}, and at most {MAX_SHARDS}"
    )]
    Range {
        /// The number.
        index: u32,
        /// How many parts there are.
        count: u32,
    },
}

/// More parts than this are a typing error.
pub const MAX_SHARDS: u32 = 100_000;

impl Shard {
    /// The share with this number, from 1 to `count`.
    ///
    /// Returns an error if there is none.
    pub fn new(index: u32, count: u32) -> Result<Self, InvalidShard> {
        match (1..=MAX_SHARDS).contains(&count) && (1..=count).contains(&index) {
            true => Ok(Self { index, count }),
            false => Err(InvalidShard::Range { index, count }),
        }
    }

    /// Its jobs, in ascending order and counted over all batches of `request`.
    ///
    /// All shares take about equally long: the longest job that is left goes to the share with the least work. The same
    /// request is dealt in the same way everywhere.
    pub fn jobs<E: Experiment>(self, request: &Request<E::Plan>) -> Vec<usize> {
        let work = request.batches.iter().flat_map(|batch| {
            let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
            let is_real_time = batch.path.is_real_time();
            batch.plans.iter().flat_map(move |plan| {
                let size = E::size(plan);
                let duration = size.duration.filter(|_| is_real_time);
                let work = duration
                    .map_or(size.work, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
                std::iter::repeat_n(work, seeds)
            })
        });
        self.deal(work.collect())
    }

    /// The indices of its jobs, if the jobs take this much `work`.
    fn deal(self, work: Vec<u64>) -> Vec<usize> {
        let mut jobs: Vec<usize> = (0..work.len()).collect();
        jobs.sort_by_key(|job| Reverse(work[*job]));
        let mut shares: BinaryHeap<_> = (1..=self.count).map(|index| Reverse((0u128, 0u64, index))).collect();
        let mut own = Vec::new();
        for job in jobs {
            let Some(Reverse((all, jobs, index))) = shares.pop() else { break };
            shares.push(Reverse((all + u128::from(work[job]), jobs + 1, index)));
            if index == self.index {
                own.push(job);
            }
        }
        own.sort_unstable();
        own
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

    fn dealt(work: &[u64], count: u32) -> Vec<Vec<usize>> {
        (1..=count).map(|index| Shard { index, count }.deal(work.to_vec())).collect()
    }

    #[test]
    fn every_job_is_dealt_once_and_the_shares_differ_by_one_job_at_most() {
        // Cheap and expensive cells in turns, which dealing round would give to different shares.
        let work: Vec<u64> = (0..601).map(|job| [1, 9][job % 2]).collect();
        for count in [1, 2, 7, 100, 1000] {
            let shares = dealt(&work, count);
            let mut all: Vec<usize> = shares.concat();
            assert!(shares.iter().all(|share| share.is_sorted()));
            all.sort_unstable();
            assert!(all.into_iter().eq(0..601));
            let sums = shares.iter().map(|share| share.iter().map(|job| work[*job]).sum::<u64>());
            let (least, most) = (sums.clone().min().unwrap(), sums.max().unwrap());
            assert!(most - least <= 9, "{count}: {least} to {most}");
        }
    }

    #[test]
    fn jobs_without_known_work_are_dealt_evenly() {
        assert_eq!(dealt(&[0; 5], 2), [vec![0, 2, 4], vec![1, 3]]);
    }

    #[test]
    fn a_share_is_written_as_a_fraction() {
        assert_eq!("3/7".parse(), Ok(Shard { index: 3, count: 7 }));
        for wrong in ["", "3", "0/7", "8/7", "1/0", "1/100001", "a/7", "3/7/9", "-1/7"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
