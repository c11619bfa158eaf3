//! FQ-CoDel: a sparse flow beside one that overloads the link.

use super::{Case, CaseError, Finding, MS, Offer, Sample, Unit, Wire, fates, stream};
use crate::unit::Time;

pub(in crate::verify) const CASE: Case =
    Case { number: 16, setting: "FQ-CoDel (RFC 8290), a sparse flow beside 2 x overload", check };

/// Ten seconds.
const PACKETS: u64 = 20_000;
const SPARSE: u64 = 1_000;
/// 1500 bytes at 8 Mbit/s.
const QUANTUM: f64 = 1_500_000.0;

/// FQ-CoDel serves a sparse flow first. It waits for the packet in transmission, which is less than a quantum.
fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    // Every 10.003 ms, so that all phases of the other flow's packets occur.
    let sparse = (1..=SPARSE).map(|number| Offer {
        at: Time::from_nanos(number * 10_003_000),
        ip_bytes: 200,
        flow: 1,
    });
    let mut offers: Vec<Offer> = stream(PACKETS, MS / 2).chain(sparse).collect();
    offers.sort_by_key(|offer| offer.at);
    let fates = fates(wire, "fq-codel,queue=200p", &offers)?;
    let sparse = || offers.iter().zip(&fates).filter(|(offer, _)| offer.flow == 1).map(|(_, fate)| fate);
    let longest = sparse().map(|fate| fate.queued.as_nanos()).max().unwrap_or(0);
    let dropped = sparse().filter(|fate| !fate.arrived).count();
    let sample = Sample(SPARSE, "packets");
    Ok(vec![
        Unit::Ns.figure("longest wait", sample).within(QUANTUM / 2.0, QUANTUM / 2.0, longest as f64),
        Unit::Packets.figure("dropped", sample).exactly(0.0, dropped as f64),
    ])
}
