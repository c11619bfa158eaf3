//! The figures of one run of `share`: goodput, shares, fairness, and how fast senders converge.

use std::time::Duration;

use super::{SharePlan, run::ShareOutcome};
use crate::experiment::senders::{BIN, FlowOutcome};

/// Bins over which goodput is averaged: one second.
const SMOOTH: usize = 10;
/// A sender has converged when its smoothed goodput stays within this of its fair share …
const TOLERANCE: f64 = 0.25;
/// … for this long. Both are from Dong et al. (NSDI 2015, "PCC", section 4.2.2).
const STABLE: Duration = Duration::from_secs(5);

/// Computes the figures of one run.
pub(super) struct Figures<'a> {
    plan: &'a SharePlan,
    outcome: &'a ShareOutcome,
}

impl<'a> Figures<'a> {
    pub(super) fn new(plan: &'a SharePlan, outcome: &'a ShareOutcome) -> Self {
        Self { plan, outcome }
    }

    fn flows(&self) -> &'a [FlowOutcome] {
        &self.outcome.flows.flows
    }

    /// The goodput of a sender while it ran, in bits per second.
    pub(super) fn goodput(&self, sender: usize) -> Option<f64> {
        let flow = &self.flows()[sender];
        self.outcome.flows.goodput(sender, [flow.start, flow.end])
    }

    /// The goodput of each sender in the measured time.
    pub(super) fn measured(&self) -> Option<Vec<f64>> {
        let common = self.plan.common()?;
        (0..self.flows().len()).map(|sender| self.outcome.flows.goodput(sender, common)).collect()
    }

    /// Jain's index of the goodputs in the measured time.
    pub(super) fn jain(&self) -> Option<f64> {
        jain(&self.measured()?)
    }

    /// A sender's share of the total goodput in the measured time.
    pub(super) fn share(&self, sender: usize) -> Option<f64> {
        let goodputs = self.measured()?;
        let all: f64 = goodputs.iter().sum();
        (all > 0.0).then(|| goodputs[sender] / all)
    }

    /// IP bytes that left the bottleneck in the measured time, as a share of what its rate allows.
    pub(super) fn utilisation(&self) -> Option<f64> {
        let [from, to] = self.plan.common()?.map(|at| (at.as_nanos() / BIN.as_nanos()) as usize);
        let rate = self.plan.bottleneck().rate?.bits_per_second() as f64;
        let served = &self.outcome.flows.served[self.plan.direction.into()];
        let bytes: u64 = served.iter().take(to).skip(from).sum();
        (to > from).then(|| bytes as f64 * 8.0 / (rate * BIN.as_secs_f64() * (to - from) as f64))
    }

    /// A sender's goodput from each reading to the next, in bits per second.
    pub(super) fn series(&self, sender: usize) -> Vec<f64> {
        let received = &self.flows()[sender].received;
        let times = self.outcome.flows.read_at.windows(2).map(|at| (at[1] - at[0]).as_secs_f64());
        let bytes = received.windows(2).map(|bytes| (bytes[1] - bytes[0]) as f64);
        bytes.zip(times).map(|(bytes, time)| if time > 0.0 { bytes * 8.0 / time } else { 0.0 }).collect()
    }

    /// How long a sender takes from its start until it has its fair share and keeps it, or why there is no such time.
    ///
    /// The fair share is the total goodput of the running senders under congestion control, divided by their number.
    pub(super) fn converge(&self, sender: usize) -> Result<Duration, &'static str> {
        let senders = &self.plan.senders;
        let own = &senders[sender];
        if own.pace.is_some() {
            return Err("it keeps to its rate");
        }
        let greedy = || (0..senders.len()).filter(|other| senders[*other].pace.is_none());
        let is_joining = |other: usize| {
            let other = &senders[other];
            other.start < own.start && other.end_in(self.plan.duration) > own.start
        };
        if !greedy().any(is_joining) {
            return Err("it joined no other sender under congestion control");
        }
        let all: Vec<Vec<f64>> = greedy().map(|other| smooth(&self.series(other))).collect();
        let mine = smooth(&self.series(sender));
        let read_at = &self.outcome.flows.read_at;
        let flow = &self.flows()[sender];
        let is_fair = |bin: usize| {
            let running = greedy().filter(|other| {
                let other = &self.flows()[*other];
                (other.start..other.end).contains(&read_at[bin])
            });
            let together: f64 = all.iter().filter_map(|series| series.get(bin)).sum();
            let fair = together / running.count().max(1) as f64;
            (mine[bin] - fair).abs() <= TOLERANCE * fair
        };
        let mut since: Option<Duration> = None;
        for (bin, &at) in read_at.iter().enumerate().take(mine.len()) {
            if at < flow.start || at > flow.end || !is_fair(bin) {
                since = None;
                continue;
            }
            let began = *since.get_or_insert(at);
            if at - began >= STABLE {
                return Ok(began - flow.start);
            }
        }
        Err("it did not stay within 25% of its fair share for 5 s")
    }
}

/// Jain's index of fairness; `None` if all goodputs are 0.
pub(super) fn jain(goodputs: &[f64]) -> Option<f64> {
    let (sum, squares) = goodputs.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    (squares > 0.0).then(|| sum * sum / (goodputs.len() as f64 * squares))
}

/// The moving average over the last [`SMOOTH`] values.
fn smooth(series: &[f64]) -> Vec<f64> {
    let mean = |index: usize| {
        let window = &series[(index + 1).saturating_sub(SMOOTH)..=index];
        window.iter().sum::<f64>() / window.len() as f64
    };
    (0..series.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jain_is_one_for_equal_goodputs_and_one_nth_if_one_has_it_all() {
        assert_eq!(jain(&[5.0, 5.0, 5.0]), Some(1.0));
        assert_eq!(jain(&[8.0, 0.0, 0.0, 0.0]), Some(0.25));
        // (1 + 2 + 3)^2 / (3 x 14).
        assert!((jain(&[1.0, 2.0, 3.0]).unwrap() - 36.0 / 42.0).abs() < 1e-12);
        assert_eq!(jain(&[0.0, 0.0]), None);
    }

    #[test]
    fn smoothing_is_the_mean_of_the_last_second() {
        let series: Vec<f64> = (0..20).map(f64::from).collect();
        let smooth = smooth(&series);
        assert!((smooth[0] - 0.0).abs() < 1e-12);
        assert!((smooth[2] - 1.0).abs() < 1e-12);
        // The mean of 10 to 19.
        assert!((smooth[19] - 14.5).abs() < 1e-12);
    }
}
