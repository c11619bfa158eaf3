//! Case 2: the Gilbert model, its loss and its bursts.

use super::{Case, CaseError, Finding, MS, Sample, Unit, Wire, link};
use crate::unit::Time;

pub(super) const CASE: Case = Case { number: 2, setting: "Gilbert, p 0.07%, r 14%", check };

const PACKETS: u64 = 1_000_000;
const P: f64 = 0.0007;
const R: f64 = 0.14;
/// Three standard errors, with about 700 bursts.
const LOSS_TOLERANCE: f64 = 0.0008;
/// As above: a burst's length is geometric, and its standard deviation is about its mean.
const BURST_TOLERANCE: f64 = 0.8;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let mut offer = wire.one_way(link("loss=gilbert:0.07%:14%")?, 1);
    let mut runs = Runs::default();
    let mut now = Time::ZERO;
    for _ in 0..PACKETS {
        runs.note(offer(now, 1200).is_none());
        now += MS;
    }
    let sample = Sample(PACKETS, "packets");
    let loss = runs.hits as f64 / PACKETS as f64;
    Ok(vec![
        Unit::Ratio.figure("loss", sample).within(P / (P + R), LOSS_TOLERANCE, loss),
        Unit::Packets.figure("mean burst", sample).within(1.0 / R, BURST_TOLERANCE, runs.mean_length()),
    ])
}

/// Counts hits, and the runs that they come in.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) hits: u64,
    pub(super) runs: u64,
    last: bool,
}

impl Runs {
    pub(super) fn note(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.runs += u64::from(hit && !self.last);
        self.last = hit;
    }

    pub(super) fn mean_length(&self) -> f64 {
        self.hits as f64 / self.runs as f64
    }
}
