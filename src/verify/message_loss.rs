//! Case 5: how many messages of several packets loss hits.

use super::{Case, CaseError, Finding, Sample, Unit, Wire, losses};

pub(super) const CASE: Case = Case { number: 5, setting: "messages of k packets, 1% lost", check };

const MESSAGES: u64 = 100_000;
const LOSS: f64 = 0.01;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    // Three standard errors: 0.054 points of 2.97%, and 0.093 of 9.56%.
    Ok(vec![hit(wire, 3, "messages hit, k = 3", 0.0017)?, hit(wire, 10, "messages hit, k = 10", 0.0028)?])
}

fn hit(wire: &dyn Wire, k: u64, figure: &'static str, tolerance: f64) -> Result<Finding, CaseError> {
    let lost = losses(wire, "loss=1%", k, MESSAGES * k, k)?;
    let hit = lost.chunks(k as usize).filter(|message| message.contains(&true)).count();
    let expected = 1.0 - libm::pow(1.0 - LOSS, k as f64);
    let measured = hit as f64 / MESSAGES as f64;
    let sample = Sample(MESSAGES, "messages");
    Ok(Unit::Ratio.figure(figure, sample).within(expected, tolerance, measured))
}
