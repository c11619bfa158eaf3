//! Cases 14 to 18: managed queues against their RFCs, and RED against the paper of its authors.

mod codel;
mod fq_codel;
mod pie;
mod red;
#[cfg(test)]
mod tests;

pub(super) use self::{
    codel::{DROPS, STANDING},
    fq_codel::CASE as FQ_CODEL,
    pie::{RISE as PIE_RISE, SETTLED as PIE_SETTLED},
    red::CASE as RED,
};

use super::{Case, CaseError, Fate, Finding, Offer, Sample, Unit, Wire, link};
use crate::unit::Time;

/// Bytes of a packet that the link of these cases sends in a millisecond.
const PACKET: usize = 1000;
const RATE: &str = "rate=8mbit";
const MS: u64 = 1_000_000;

/// Packets of one flow, one every `gap` nanoseconds.
fn stream(packets: u64, gap: u64) -> impl Iterator<Item = Offer> {
    (0..packets).map(move |number| Offer { at: Time::from_nanos(number * gap), ip_bytes: PACKET, flow: 0 })
}

/// The fates of `offers` under the discipline `aqm`.
fn fates(wire: &dyn Wire, aqm: &str, offers: &[Offer]) -> Result<Vec<Fate>, CaseError> {
    Ok(wire.fates(link(&format!("{RATE},aqm={aqm}"))?, 1, offers))
}
