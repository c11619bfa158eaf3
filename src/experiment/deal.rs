//! Which jobs of a request each of several machines runs.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{driver::Experiment, reckon::work_in_part, request::Request};

/// The jobs of each of `count` shares, in ascending order and counted over all batches of `request`.
///
/// All shares take about equally long: the longest job that is left goes to the share with the least work. The same
/// request is dealt in the same way everywhere.
pub fn deal<E: Experiment>(request: &Request<E::Plan>, count: u32) -> Vec<Vec<usize>> {
    let work = request.batches.iter().flat_map(work_in_part::<E>);
    dealt(&work.collect::<Vec<_>>(), count)
}

/// The indices of the jobs of each share, if the jobs take this much `work`.
fn dealt(work: &[u64], count: u32) -> Vec<Vec<usize>> {
    let mut jobs: Vec<usize> = (0..work.len()).collect();
    jobs.sort_by_key(|job| Reverse(work[*job]));
    let mut shares: Vec<Vec<usize>> = (0..count).map(|_| Vec::new()).collect();
    let mut loads: BinaryHeap<_> = (0..shares.len()).map(|share| Reverse((0u128, 0u64, share))).collect();
    for job in jobs {
        let Some(Reverse((load, jobs, share))) = loads.pop() else { break };
        loads.push(Reverse((load + u128::from(work[job]), jobs + 1, share)));
        shares[share].push(job);
    }
    shares.iter_mut().for_each(|jobs| jobs.sort_unstable());
    shares
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        experiment::{Batch, Bench, PathKind, Plan, Workload},
        transport::{Congestion, LossDetection, Transport},
        unit::PerDirection,
    };

    fn request(plans: usize, seeds: u64, path: PathKind) -> Request<Plan> {
        let plan = Plan {
            path,
            transport: Transport::UDP,
            links: PerDirection::both("delay=25ms,loss=1%".parse().unwrap()),
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
            workload: Workload::usual(Duration::from_millis(100)),
        };
        let batch = Batch { path, seeds, plans: vec![plan; plans], servers: Vec::new() };
        Request { batches: vec![batch], skipped: Vec::new() }
    }

    #[test]
    fn jobs_that_are_recorded_for_pictures_are_dealt_evenly_too() {
        for path in [PathKind::Sim, PathKind::Relay] {
            let shares = deal::<Bench>(&request(12, 10, path), 10);
            let first_seeds = shares.iter().map(|jobs| jobs.iter().filter(|job| *job % 10 == 0).count());
            let counts: Vec<usize> = first_seeds.collect();
            assert!(counts.iter().all(|count| [1, 2].contains(count)), "{path}: {counts:?}");
        }
    }

    #[test]
    fn runs_without_a_place_for_their_timeline_are_not_recorded() {
        let is_traced = |plans| {
            let request = request(plans, 1, PathKind::Sim);
            Bench::is_traced(&request.batches[0].plans[0], plans)
        };
        assert!(is_traced(64) && !is_traced(65));
    }

    proptest! {
        #[test]
        fn every_job_is_dealt_once_and_the_shares_differ_by_one_job_at_most(
            work in prop::collection::vec(prop_oneof![1..100u64, 1..100_000u64], 1..300), count in 1..400u32,
        ) {
            let shares = dealt(&work, count);
            prop_assert!(shares.iter().all(|share| share.is_sorted()));
            let mut all: Vec<usize> = shares.concat();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..work.len()));
            let sums = shares.iter().map(|share| share.iter().map(|job| work[*job]).sum::<u64>());
            let (least, most) = (sums.clone().min().unwrap(), sums.max().unwrap());
            let longest = work.iter().max().unwrap();
            prop_assert!(most - least <= *longest, "{least} to {most}, the longest job {longest}");
        }
    }

    #[test]
    fn jobs_without_known_work_are_dealt_evenly() {
        assert_eq!(dealt(&[0; 5], 2), [vec![0, 2, 4], vec![1, 3]]);
    }
}
