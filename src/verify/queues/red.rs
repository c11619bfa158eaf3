//! RED: how fast its average follows the queue, and where the average settles.

use super::{Case, CaseError, Finding, MS, Sample, Unit, Wire, fates, stream};

pub(in crate::verify) const CASE: Case =
    Case { number: 18, setting: "RED (1993): 2 x overload, then a constant load of 10/9", check };

/// The weight of the current length in the average (section VI).
const WEIGHT: f64 = 0.002;
/// The load of the second run: a packet each 0.9 ms, for 225 s, with 45 s to settle.
const PACKETS: u64 = 250_000;
const SETTLED: usize = 50_000;
/// Half a percent: 15 standard errors of independent drops; RED spaces them evenly.
const SHARE_TOLERANCE: f64 = 0.005;
/// 5%: the mean over 10 s varies by 2%.
const WAIT_TOLERANCE: f64 = 0.05;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let [first, sample] = [Sample(1000, "packets"), Sample(PACKETS - SETTLED as u64, "packets")];
    let overload = fates(wire, "red:14p:15p:0.01%", &stream(1000, MS / 2).collect::<Vec<_>>())?;
    let dropped_first = overload.iter().position(|fate| !fate.arrived).unwrap_or(overload.len());

    let steady = fates(wire, "red:5p:15p:10%", &stream(PACKETS, MS * 9 / 10).collect::<Vec<_>>())?;
    let settled = &steady[SETTLED..];
    let waits = || settled.iter().filter(|fate| fate.arrived).map(|fate| fate.queued.as_nanos() as f64);
    let arrived = waits().count() as f64;
    let expected = expected_wait();
    Ok(vec![
        Unit::Packets.figure("packets before the first drop", first).within(
            packets_until(15.0),
            1.0,
            dropped_first as f64,
        ),
        // The length of the queue is constant if the packets that are not dropped arrive at the rate of the link.
        Unit::Ratio.figure("dropped", sample).within(
            0.1,
            SHARE_TOLERANCE,
            1.0 - arrived / settled.len() as f64,
        ),
        Unit::Ns.figure("mean wait", sample).within(
            expected,
            WAIT_TOLERANCE * expected,
            waits().sum::<f64>() / arrived,
        ),
    ])
}

/// How many packets are offered before the average reaches `average`. At twice the rate, packet n finds n/2 - 3/4
/// packets waiting, averaged over even and odd n. The exponential average of a line lags behind it by the slope times
/// the mean age of the samples, (1 - w)/w packets. The powers of 1 - w correct for the start of the average at 0.
fn packets_until(average: f64) -> f64 {
    let age = (1.0 - WEIGHT) / WEIGHT;
    let reached = |n: &f64| {
        let before = libm::pow(1.0 - WEIGHT, *n);
        n / 2.0 - 0.75 - age / 2.0 * (1.0 - before) + 0.75 * before >= average
    };
    (1..1000).map(f64::from).find(reached).unwrap_or(f64::NAN)
}

/// Drops are spread evenly (section VII): the gap between two is uniform from 1 to 1/p - 1 packets, so its mean is
/// 1/(2p) and a share of 2p is dropped. For a share of 10%, p is 5%: half of the maximum of 10%. The average is then
/// halfway between the thresholds of 5 and 15 packets. A packet also waits for the one in transmission: 0.55 ms,
/// averaged over the ten phases in which packets are offered.
fn expected_wait() -> f64 {
    (10.0 + 0.55) * MS as f64
}
