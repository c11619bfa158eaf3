//! How late messages come when what is lost is sent again, and messages wait for earlier ones of their stream.

use crate::transport::LossDetection;

/// Instants that differ by less, in seconds, are one.
const ROUNDING: f64 = 1e-9;
/// Outcomes that are rarer are left out.
const RARE: f64 = 1e-9;

/// When the loss of a packet is found and repaired, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repairs {
    pub(super) round_trip: f64,
    /// Between two messages.
    pub(super) interval: f64,
    pub(super) detection: LossDetection,
}

impl Repairs {
    /// From the loss of a packet until its copy is sent, when the next packets are those of the messages.
    pub(super) fn first(&self) -> f64 {
        self.after(self.interval, 1)
    }

    /// The same, when the next message is sent `next` later, and the `arrived`-th is the first that arrives.
    fn after(&self, next: f64, arrived: u32) -> f64 {
        let sent = |nth: u32| next + f64::from(nth - 1) * self.interval;
        let LossDetection { packet_threshold, time_threshold } = self.detection;
        let waited = (f64::from(time_threshold.round_trips()) - 1.0) * self.round_trip;
        self.round_trip + sent(arrived).max(waited.min(sent(packet_threshold)))
    }
}

/// How the recovery of a message is distributed: how late its bytes arrive, in seconds, and with which probability.
#[derive(Debug)]
pub(super) struct Recovery(Vec<(f64, f64)>);

impl Recovery {
    /// The recovery at an independent loss of `loss`. Each copy may be lost as well, and so may the packets that would
    /// reveal a loss.
    pub(super) fn new(loss: f64, repairs: &Repairs) -> Self {
        let mut all = vec![(0.0, 1.0 - loss)];
        let mut lost = vec![(0.0, loss)];
        while let Some((sent, probability)) = lost.pop() {
            let interval = repairs.interval;
            let next = interval - libm::fmod(sent + ROUNDING, interval) + ROUNDING;
            let mut found = probability * (1.0 - loss);
            let mut arrived = 1;
            while found > RARE {
                let again = sent + repairs.after(next, arrived);
                all.push((again, found * (1.0 - loss)));
                lost.push((again, found * loss));
                found *= loss;
                arrived += 1;
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(all)
    }

    /// The mean of the recovery.
    pub(super) fn mean(&self) -> f64 {
        self.0.iter().map(|(late, probability)| late * probability).sum()
    }

    /// The probability that a message is late, where those before it on its stream were sent every `spacing`.
    pub(super) fn delayed(&self, spacing: f64) -> f64 {
        1.0 - self.all_within(0.0, spacing)
    }

    /// The probability that a message arrives while an earlier one is missing.
    pub(super) fn blocked(&self, spacing: f64) -> f64 {
        self.0
            .iter()
            .map(|(late, probability)| probability * (1.0 - self.all_within(late + spacing, spacing)))
            .sum()
    }

    /// How late messages are on average. Their probability to be later than `x + n spacing` is a step function of `x`,
    /// whose steps are at the recoveries modulo the spacing.
    pub(super) fn mean_lateness(&self, spacing: f64) -> f64 {
        let mut steps: Vec<f64> =
            self.0.iter().map(|(late, _)| libm::fmod(late + ROUNDING, spacing)).collect();
        steps.extend([0.0, spacing]);
        steps.sort_by(f64::total_cmp);
        let wide = steps.windows(2).filter(|step| step[1] - step[0] > ROUNDING);
        wide.map(|step| (step[1] - step[0]) * self.later((step[0] + step[1]) / 2.0, spacing)).sum()
    }

    /// The probability to be later than `x + n spacing`, summed over all `n`.
    fn later(&self, x: f64, spacing: f64) -> f64 {
        let steps = (self.longest() / spacing) as u32 + 1;
        let mut within = 1.0;
        let later = (0..=steps).rev().map(|n| {
            within *= self.within(x + f64::from(n) * spacing);
            1.0 - within
        });
        later.sum()
    }

    /// The probability that a message has come after `x`, the one before it after `x + spacing`, and so on.
    fn all_within(&self, x: f64, spacing: f64) -> f64 {
        let instants = (0..).map(|n| x + f64::from(n) * spacing);
        instants.take_while(|instant| *instant < self.longest()).map(|instant| self.within(instant)).product()
    }

    /// The probability of a recovery of at most `late`.
    fn within(&self, late: f64) -> f64 {
        let below = self.0.partition_point(|(other, _)| *other <= late + ROUNDING);
        1.0 - self.0[below..].iter().map(|(_, probability)| probability).sum::<f64>()
    }

    fn longest(&self) -> f64 {
        self.0.last().map_or(0.0, |(late, _)| *late)
    }
}
