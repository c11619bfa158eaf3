//! Case 13: the first flight of a handshake is lost (RFC 9002 section 6.2.2).

use std::time::Duration;

use super::{Case, CaseError, Finding, Sample, Unit, Wire, link, plan};
use crate::{
    link::{LinkSpec, Loss},
    transport::Transport,
    unit::{PerDirection, nanos},
};

pub(super) const CASE: Case =
    Case { number: 13, setting: "QUIC, first flights of the handshake lost", check };

/// Without a sample the round trip counts as 333 ms, and half of it as its variation: 333 + 4 x 166.5.
const PROBE_TIMEOUT: Duration = Duration::from_millis(999);
/// Nothing in this is drawn.
const TOLERANCE: f64 = 1000.0;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let clear = link("delay=25ms")?;
    // Each outage ends half a timeout before the next flight is due.
    let until = |instant: Duration| {
        let loss = Loss::Outage { start: Duration::ZERO, length: instant };
        LinkSpec { loss, ..clear.clone() }
    };
    let connect = |to_server: &LinkSpec| -> Result<f64, CaseError> {
        let links = PerDirection { to_server: to_server.clone(), to_client: clear.clone() };
        let plan = plan(Transport::QUIC_ONE, links, Duration::from_millis(10), 10);
        let connect = wire.run(&plan, 1)?.connect;
        Ok(nanos(connect.ok_or(CaseError::Nothing("there was no connection"))?) as f64)
    };
    let without_loss = connect(&clear)?;
    let late = |figure, loses: Duration, expected: Duration| -> Result<Finding, CaseError> {
        let measured = connect(&until(loses))? - without_loss;
        let figure = Unit::Ns.figure(figure, Sample(1, "handshake"));
        Ok(figure.within(nanos(expected) as f64, TOLERANCE, measured))
    };
    Ok(vec![
        late("one flight lost, late by", PROBE_TIMEOUT / 2, PROBE_TIMEOUT)?,
        // The timeout doubles.
        late("two flights lost, late by", PROBE_TIMEOUT * 2, PROBE_TIMEOUT * 3)?,
    ])
}
