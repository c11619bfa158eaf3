//! CoDel: when it drops, and where a standing queue ends.

use super::{Case, CaseError, Fate, Finding, MS, Offer, PACKET, Sample, Unit, Wire, fates, stream};
use crate::unit::Time;

pub(in crate::verify) const DROPS: Case =
    Case { number: 14, setting: "CoDel (RFC 8289), 2 x overload: drops by interval / sqrt(n)", check: drops };

pub(in crate::verify) const STANDING: Case = Case {
    number: 15,
    setting: "CoDel (RFC 8289), a standing queue of 2 x rate x interval, load 1",
    check: standing,
};

const TARGET: u64 = 5 * MS;
const INTERVAL: u64 = 100 * MS;
/// How many drops are compared. They happen within about 2 s.
const COMPARED: usize = 100;

/// Two packets arrive in the time that one takes. The n-th waits for n/2 ms, so the tenth, at 10 ms, is the first that
/// has waited for the target. The first drop is an interval later, and gaps between drops are interval / sqrt(n).
fn drops(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let offers: Vec<Offer> = stream(6000, MS / 2).collect();
    let fates = fates(wire, "codel:5ms:100ms", &offers)?;
    let mut measured: Vec<Time> = fates.iter().filter(|fate| !fate.arrived).map(|fate| fate.at).collect();
    measured.sort_unstable();
    let mut due = (2 * TARGET + INTERVAL) as f64;
    let expected = (1..=COMPARED).map(|drop| {
        // Packets leave the queue at whole milliseconds. The first one at or after the instant is dropped.
        let at = Time::from_nanos(libm::ceil(due / MS as f64) as u64 * MS);
        due += INTERVAL as f64 / libm::sqrt(drop as f64);
        at
    });
    let compared = expected.enumerate().filter(|(drop, at)| measured.get(*drop) != Some(at)).count();
    let sample = Sample(COMPARED as u64, "drops");
    Ok(vec![Unit::Packets.figure("drops at another instant", sample).exactly(0.0, compared as f64)])
}

/// At load 1, a queue of 200 ms would stand forever. Drops shorten it to the target.
fn standing(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    const STANDING: u64 = 2 * INTERVAL / MS;
    const PACKETS: u64 = 20_000;
    let burst = (0..STANDING).map(|_| Offer { at: Time::ZERO, ip_bytes: PACKET, flow: 0 });
    let offers: Vec<Offer> = burst.chain(stream(PACKETS, MS)).collect();
    let fates = fates(wire, "codel:5ms:100ms", &offers)?;
    let settled: Vec<&Fate> = fates[fates.len() / 2..].iter().collect();
    let waits = || settled.iter().filter(|fate| fate.arrived).map(|fate| fate.queued.as_nanos() as f64);
    let arrived = waits().count();
    let sample = Sample(arrived as u64, "packets");
    // The queue shrinks by whole packets until the wait is below the target.
    let expected = (TARGET - MS) as f64;
    Ok(vec![
        Unit::Ns.figure("mean wait", sample).exactly(expected, waits().sum::<f64>() / arrived as f64),
        Unit::Packets.figure("dropped after that", sample).exactly(0.0, (settled.len() - arrived) as f64),
    ])
}
