//! Case 1: loss of an echo, through the whole simulation.

use super::{Case, CaseError, Finding, MS, Sample, Unit, Wire, link, plan};
use crate::{transport::Transport, unit::PerDirection};

pub(super) const UDP: Case =
    Case { number: 1, setting: "UDP echo, 1% lost each way", check: |wire| check(wire, Transport::UDP) };

pub(super) const UDP_HMAC: Case = Case {
    number: 1,
    setting: "signed UDP echo, 1% lost each way",
    check: |wire| check(wire, Transport::UDP_HMAC),
};

pub(super) const DTLS: Case = Case {
    number: 1,
    setting: "encrypted UDP echo, 1% lost each way",
    check: |wire| check(wire, Transport::DTLS),
};

const MESSAGES: u32 = 100_000;
const LOSS: f64 = 0.01;
/// Three standard errors: of 1.99% among 100,000, one is 0.044 points.
const TOLERANCE: f64 = 0.0013;

fn check(wire: &dyn Wire, transport: Transport) -> Result<Vec<Finding>, CaseError> {
    let lossy = link("delay=25ms,loss=1%")?;
    let plan = plan(transport, PerDirection::both(lossy), MS, MESSAGES);
    let messages = wire.run(&plan, 1)?.messages;
    // An echo comes back if neither its request nor its reply is lost.
    let expected = 1.0 - (1.0 - LOSS) * (1.0 - LOSS);
    let measured = messages.lost as f64 / messages.scheduled as f64;
    let sample = Sample(messages.scheduled, "messages");
    Ok(vec![Unit::Ratio.figure("echo loss", sample).within(expected, TOLERANCE, measured)])
}
