//! Differences between the cells of one link and workload, over the same seeds.

use std::cell::OnceCell;

use crate::{
    experiment::{matrix::Runs, plan::Plan, record::outcome::Outcome, result::cell::knows_order},
    report::{Metric, Paired},
    stats::{Histogram, Percentile, Pooled, Ratios, Seeds, paired},
};

/// Compares each plan with the first that shares its path, link, workload and controller. `cells` gives the index of
/// the cell that each plan has in the result, if it has one.
pub fn compare(plans: &[Plan], runs: &[Runs<Outcome>], cells: &[Option<usize>]) -> Vec<Paired> {
    let samples: Vec<OnceCell<Sample>> = plans.iter().map(|_| OnceCell::new()).collect();
    let sample =
        |index: usize| samples[index].get_or_init(|| Sample::new(&plans[index], &runs[index].outcomes));
    let mut differences = Vec::new();
    for (b, plan) in plans.iter().enumerate() {
        let first = plans[..b].iter().position(|other| other.differs_in_transport_only(plan));
        let Some(a) = first else { continue };
        let (Some(cell_a), Some(cell_b)) = (cells[a], cells[b]) else { continue };
        differences.extend(
            sample(b)
                .against(sample(a))
                .into_iter()
                .filter_map(|(metric, difference)| Paired::new(cell_b, cell_a, metric, difference)),
        );
    }
    differences
}

/// What is compared of one cell.
struct Sample {
    latency: Seeds,
    lost: Ratios,
    on_time: Ratios,
    delayed: Ratios,
    blocked: Ratios,
}

impl Sample {
    /// What is not known has no denominator, so it is not compared.
    fn new(plan: &Plan, outcomes: &[(u64, Outcome)]) -> Self {
        let latency: Vec<Histogram> = outcomes.iter().map(|(_, outcome)| outcome.latency.clone()).collect();
        let ratios = |is_known: bool, of: fn(&Outcome) -> (u64, u64)| {
            let of = |outcome| if is_known { of(outcome) } else { (0, 0) };
            Ratios::new(outcomes.iter().map(|(_, outcome)| of(outcome)).collect())
        };
        // What is unfinished may yet come, or never.
        let is_finished = outcomes.iter().all(|(_, outcome)| outcome.messages.unfinished == 0);
        Self {
            latency: Seeds::new(&latency),
            lost: ratios(is_finished, |outcome| (outcome.messages.lost, outcome.messages.known())),
            on_time: ratios(true, |outcome| (outcome.messages.on_time, outcome.messages.known())),
            delayed: ratios(true, |outcome| (outcome.extra.n(), outcome.budget.n)),
            blocked: ratios(knows_order(plan, outcomes), |outcome| {
                (outcome.order.blocked, outcome.messages.delivered)
            }),
        }
    }

    /// How much greater each statistic is here than in `other`.
    fn against(&self, other: &Self) -> Vec<(Metric, crate::stats::Difference)> {
        let p99 = Percentile::P99;
        let pairs: [(Metric, &dyn Pooled, &dyn Pooled); 6] = [
            (Metric::OnTimeRatio, &self.on_time, &other.on_time),
            (Metric::LossRatio, &self.lost, &other.lost),
            (Metric::DelayedRatio, &self.delayed, &other.delayed),
            (Metric::BlockedRatio, &self.blocked, &other.blocked),
            (Metric::MeanNs, &self.latency.mean(), &other.latency.mean()),
            (Metric::P99Ns, &self.latency.percentile(p99), &other.latency.percentile(p99)),
        ];
        pairs.into_iter().filter_map(|(metric, a, b)| Some((metric, paired(a, b)?))).collect()
    }
}
