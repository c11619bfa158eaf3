//! Case 4: the Gilbert-Elliott model, its loss, and the runs of its bad state.

use super::{Case, CaseError, Finding, Sample, Unit, Wire, bursts::Runs, losses};

pub(super) const CASE: Case =
    Case { number: 4, setting: "Gilbert-Elliott, p 1%, r 10%, h 20%, k 99.5%", check };

const PACKETS: u64 = 1_000_000;
const P: f64 = 0.01;
const R: f64 = 0.10;
const H: f64 = 0.20;
const K: f64 = 0.995;
/// Three standard errors: the states' correlation of 0.89 makes one at most 0.11 points.
const LOSS_TOLERANCE: f64 = 0.0033;
/// Three standard errors: 9,000 runs, whose length has a standard deviation of 9.5.
const RUN_TOLERANCE: f64 = 0.3;
/// Three standard errors: 90,000 packets in the bad state.
const BAD_TOLERANCE: f64 = 0.004;
/// Three standard errors: 900,000 packets in the good state.
const GOOD_TOLERANCE: f64 = 0.000_25;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let lost = losses(wire, "loss=gemodel:1%:10%:20%:99.5%", 1, PACKETS, 1)?;
    // Transitions and survival are separate draws. This chain loses every packet in the bad state, so it shows the
    // state of the other.
    let is_bad = losses(wire, "loss=gilbert:1%:10%", 1, PACKETS, 1)?;
    let bad = Runs::of(&is_bad);
    let lost_in = |state| lost.iter().zip(&is_bad).filter(|seen| *seen == (&true, &state)).count() as u64;
    let (lost_in_bad, lost_in_good) = (lost_in(true), lost_in(false));
    let ratio = |n: u64, of: u64| n as f64 / of as f64;
    let expected = (P * (1.0 - H) + R * (1.0 - K)) / (P + R);
    let good = PACKETS - bad.hits;
    let loss = ratio(lost_in_bad + lost_in_good, PACKETS);
    Ok(vec![
        Unit::Ratio.figure("loss", Sample(PACKETS, "packets")).within(expected, LOSS_TOLERANCE, loss),
        Unit::Packets.figure("mean bad run", Sample(bad.runs, "runs")).within(
            1.0 / R,
            RUN_TOLERANCE,
            bad.mean_length(),
        ),
        Unit::Ratio.figure("loss in the bad state", Sample(bad.hits, "packets")).within(
            1.0 - H,
            BAD_TOLERANCE,
            ratio(lost_in_bad, bad.hits),
        ),
        Unit::Ratio.figure("loss in the good state", Sample(good, "packets")).within(
            1.0 - K,
            GOOD_TOLERANCE,
            ratio(lost_in_good, good),
        ),
    ])
}
