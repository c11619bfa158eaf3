//! Case 20: a page over QUIC, in round trips.

use std::time::Duration;

use super::{Case, CaseError, Finding, Sample, Unit, Wire, link};
use crate::{
    experiment::{
        PathKind,
        page::{Listed, Mode, Page, PagePlan},
    },
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, nanos},
};

pub(super) const CASE: Case =
    Case { number: 20, setting: "page over QUIC, RTT 100 ms, a document and a chain of 4 objects", check };

const ONE_WAY: Duration = Duration::from_millis(50);
/// Objects that become known one after the other, below the document.
const CHAIN: u64 = 4;

/// Every answer fits into a packet, so each takes a round trip. A handshake takes another (RFC 9001 section 4.1),
/// except with 0-RTT.
fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let round_trip = nanos(2 * ONE_WAY);
    let mut findings = Vec::new();
    for (mode, handshake, first_byte, complete) in [
        (Mode::Cold, 1, "cold, first byte after", "cold, complete after"),
        (Mode::ZeroRtt, 0, "0-RTT, first byte after", "0-RTT, complete after"),
    ] {
        let outcome = wire.load(&plan(mode)?, 1)?;
        let first = outcome.first_byte.min().ok_or(CaseError::Nothing("the page was not complete"))?;
        let all = outcome.all.max().unwrap_or(0);
        let figure = |name| Unit::Ns.figure(name, Sample(1, "load"));
        findings.push(figure(first_byte).exactly(((handshake + 1) * round_trip) as f64, first as f64));
        findings.push(figure(complete).exactly(((handshake + 1 + CHAIN) * round_trip) as f64, all as f64));
    }
    Ok(findings)
}

fn plan(mode: Mode) -> Result<PagePlan, CaseError> {
    let chain = Listed::parse("case", "1000\n1000,1\n1000,2\n1000,3\n1000,4");
    Ok(PagePlan {
        path: PathKind::Sim,
        transport: Transport::QUIC_MESSAGE,
        links: PerDirection::both(link("delay=50ms")?),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        page: Page::Listed(chain.map_err(|_| CaseError::Nothing("the page is not valid"))?),
        mode,
        connections: 1,
        flows: 1,
        loads: 1,
    })
}
