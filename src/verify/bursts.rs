//! Case 2: the Gilbert model, its loss and its bursts.

use super::{Case, CaseError, Finding, Sample, Unit, Wire, losses};

pub(super) const CASE: Case = Case { number: 2, setting: "Gilbert, p 0.07%, r 14%", check };

const PACKETS: u64 = 1_000_000;
const P: f64 = 0.0007;
const R: f64 = 0.14;
/// Three standard errors, with about 700 bursts.
const LOSS_TOLERANCE: f64 = 0.0008;
/// As above: a burst's length is geometric, and its standard deviation is about its mean.
const BURST_TOLERANCE: f64 = 0.8;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let runs = Runs::of(&losses(wire, "loss=gilbert:0.07%:14%", 1, PACKETS, 1)?);
    let sample = Sample(PACKETS, "packets");
    let loss = runs.hits as f64 / PACKETS as f64;
    Ok(vec![
        Unit::Ratio.figure("loss", sample).within(P / (P + R), LOSS_TOLERANCE, loss),
        Unit::Packets.figure("mean burst", sample).within(1.0 / R, BURST_TOLERANCE, runs.mean_length()),
    ])
}

/// The number of packets that are hit, and the number of runs that they form.
pub(super) struct Runs {
    pub(super) hits: u64,
    pub(super) runs: u64,
}

impl Runs {
    pub(super) fn of(hits: &[bool]) -> Self {
        let runs = hits.chunk_by(|a, b| a == b).filter(|run| run[0]);
        runs.fold(Self { hits: 0, runs: 0 }, |all, run| Self {
            hits: all.hits + run.len() as u64,
            runs: all.runs + 1,
        })
    }

    pub(super) fn mean_length(&self) -> f64 {
        self.hits as f64 / self.runs as f64
    }
}
