//! What comes before the first message.

use std::time::Duration;

use super::{Answer, PropertyError, RTT, Row, Subject};
use crate::{
    capture::Recording,
    experiment::{HandshakeOutcome, HandshakePlan, Mode, handshake},
    path::StopSignal,
    stats::Histogram,
    unit::nanos,
};

pub(super) const CONNECTION: Row = Row {
    claim: "connection before data",
    how: "Ten new connections over a clear link with a round trip of 20 ms. Counted: the round trips until the first \
          message can leave.",
    measure: |subject| {
        let outcome = connections(subject)?;
        let trips = round_trips(&outcome.connect)?;
        Ok(Answer::new(
            if trips == 0 { "no".to_owned() } else { format!("yes, {trips} RTT") },
            format!("the first message leaves after {trips} round trips"),
        ))
    },
};

pub(super) const FIRST_REPLY: Row = Row {
    claim: "round trips to the first reply",
    how: "The same connections. Counted: the round trips until the reply to the first message is there.",
    measure: |subject| {
        let outcome = connections(subject)?;
        let trips = round_trips(&outcome.first)?;
        Ok(Answer::new(trips.to_string(), format!("the first reply is there after {trips} round trips")))
    },
};

fn connections(subject: Subject) -> Result<HandshakeOutcome, PropertyError> {
    let plan = subject.plan("", "", 1)?;
    let plan = HandshakePlan {
        path: plan.path,
        transport: plan.transport,
        links: plan.links,
        mode: Mode::Cold,
        congestion: plan.congestion,
        loss_detection: plan.loss_detection,
        connections: 10,
        parallel: 1,
        length: 64,
        timeout: Duration::from_secs(5),
        certificate: 0,
    };
    let outcome = handshake(&plan, 1, &StopSignal::default(), &Recording::default())?;
    match &outcome.problem {
        Some(problem) => Err(PropertyError::Silent(problem.clone())),
        None => Ok(outcome),
    }
}

/// The shortest time, in round trips. In real time a busy machine can delay a connection, but cannot speed it up.
fn round_trips(times: &Histogram) -> Result<u64, PropertyError> {
    let shortest = times.min().ok_or_else(|| PropertyError::Silent("no connection".to_owned()))?;
    let rtt = nanos(RTT);
    Ok((shortest + rtt / 2) / rtt)
}
