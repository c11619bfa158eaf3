//! Case 12: an isolated loss, which only the probe timeout detects (RFC 9002 section 6.2).

use std::time::Duration;

use super::{Case, CaseError, Finding, Sample, Unit, Wire, plan_with_one_loss};
use crate::unit::nanos;

pub(super) const CASE: Case =
    Case { number: 12, setting: "QUIC, RTT 50 ms, a message a second, one packet lost", check };

const INTERVAL: Duration = Duration::from_secs(1);
/// From the 17th sample on, RTTVAR is too small to count: it falls by a quarter with each, from half of the RTT.
const LOST: u32 = 30;
const MESSAGES: u32 = 40;
const RTT: Duration = Duration::from_millis(50);
/// The granularity of timers, which stands in for 4 RTTVAR (section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// `max_ack_delay` (RFC 9000 section 18.2).
const MAX_ACK_DELAY: Duration = Duration::from_millis(25);
/// What is left of RTTVAR.
const TOLERANCE: Duration = Duration::from_micros(500);

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let outcome = wire.run(&plan_with_one_loss("delay=25ms", INTERVAL, MESSAGES, LOST)?, 1)?;
    let latency = |value: Option<u64>| value.ok_or(CaseError::Nothing("no message was delivered"));
    let late = latency(outcome.latency.max())? as f64 - latency(outcome.latency.min())? as f64;
    // The probe is a PING: it brings the acknowledgements that show the loss, and the message comes a round trip
    // after it.
    let probe_timeout = RTT + GRANULARITY + MAX_ACK_DELAY;
    let (expected, tolerance) = (nanos(probe_timeout + RTT) as f64, nanos(TOLERANCE) as f64);
    let run = Sample(1, "run");
    let lost = outcome.wire.map_or(0, |wire| wire.to_server.lost);
    Ok(vec![
        Unit::Packets.figure("packets lost", run).exactly(1.0, lost as f64),
        Unit::Ns.figure("its message is late by", run).within(expected, tolerance, late),
    ])
}
