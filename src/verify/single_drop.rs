//! Case 9: one packet lost on one stream, to the microsecond.

use std::time::Duration;

use super::{Case, CaseError, Finding, Sample, Unit, Wire, plan_with_one_loss};
use crate::unit::nanos;

pub(super) const CASE: Case = Case {
    number: 9,
    setting: "QUIC, one stream, RTT 100 ms, a message every 10 ms, one packet lost",
    check,
};

const INTERVAL: Duration = Duration::from_millis(10);
const MESSAGES: u32 = 400;
const LOST: u32 = 200;
const RTT: Duration = Duration::from_millis(100);
const MICROSECOND: f64 = 1000.0;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let outcome = wire.run(&plan_with_one_loss("delay=50ms", INTERVAL, MESSAGES, LOST)?, 1)?;
    // The time threshold (RFC 9002 section 6.1.2) detects the loss 9/8 of a round trip after the send, at the next
    // acknowledgement or by the timer. Each message behind it waits one interval less.
    let detour = RTT + RTT / 8;
    let held = nanos(detour).div_ceil(nanos(INTERVAL)) - 1;
    let total: u64 = (0..=held).map(|behind| nanos(detour - INTERVAL * behind as u32)).sum();
    let one = Sample(1, "run");
    let late = outcome.extra.max().unwrap_or(0);
    let wait = outcome.order.wait.max().unwrap_or(0);
    Ok(vec![
        Unit::Packets.figure("messages held", one).exactly(held as f64, outcome.order.blocked as f64),
        Unit::Ns.figure("the lost one is late by", one).within(
            nanos(detour) as f64,
            MICROSECOND,
            late as f64,
        ),
        Unit::Ns.figure("the next waits for", one).within(
            nanos(detour - INTERVAL) as f64,
            MICROSECOND,
            wait as f64,
        ),
        Unit::Ns.figure("all of them together", one).within(
            total as f64,
            MICROSECOND * (held + 1) as f64,
            outcome.extra.sum() as f64,
        ),
    ])
}
