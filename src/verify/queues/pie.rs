//! PIE: where its probability and the delay settle.

use super::{Case, CaseError, Finding, MS, Sample, Unit, Wire, fates, stream};

pub(in crate::verify) const CASE: Case =
    Case { number: 17, setting: "PIE (RFC 8033), constant load of 10/9", check };

/// 225 s, with 45 s to settle.
const PACKETS: u64 = 250_000;
const SETTLED: usize = 50_000;
/// Half a percent: 18 standard errors of independent drops.
const SHARE_TOLERANCE: f64 = 0.005;
/// 5%. The delay varies around the target, because drops are random. Its mean over 10 s varies by 3%.
const DELAY_TOLERANCE: f64 = 0.05;
/// The probability is constant if the delay is constant and equal to the target (section 4.2).
const TARGET: f64 = 15e6;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let offers: Vec<_> = stream(PACKETS, MS * 9 / 10).collect();
    let fates = fates(wire, "pie:15ms:15ms", &offers)?;
    let settled = &fates[SETTLED..];
    let waits = || settled.iter().filter(|fate| fate.arrived).map(|fate| fate.queued.as_nanos() as f64);
    let arrived = waits().count() as f64;
    let sample = Sample(settled.len() as u64, "packets");
    // The length of the queue is constant if the packets that are not dropped arrive at the rate of the link.
    let dropped = 1.0 - arrived / settled.len() as f64;
    Ok(vec![
        Unit::Ratio.figure("dropped", sample).within(0.1, SHARE_TOLERANCE, dropped),
        Unit::Ns.figure("mean wait", sample).within(
            TARGET,
            DELAY_TOLERANCE * TARGET,
            waits().sum::<f64>() / arrived,
        ),
    ])
}
