//! Case 11: what must not differ does not.

use std::time::Duration;

use super::{Case, CaseError, Finding, Sample, Unit, Wire, link, plan};
use crate::{
    stats::{Histogram, Seeds, paired},
    transport::Transport,
    unit::PerDirection,
};

/// One stream against many, where there is nothing that order could do.
pub(super) const STREAMS: Case =
    Case { number: 11, setting: "QUIC, no loss, 20 Mbit/s: many streams against one", check: streams };

/// One arm against itself, on other seeds.
pub(super) const SEEDS: Case = Case {
    number: 11,
    setting: "QUIC, one stream, 1% lost each way: seeds 1-15 against 16-30",
    check: seeds,
};

const INTERVAL: Duration = Duration::from_millis(10);
/// A minute.
const MESSAGES: u32 = 6000;
/// What headers may make: 25 bytes at 20 Mbit/s.
const HEADERS: f64 = 10_000.0;
const SEEDS_PER_ARM: u64 = 15;

fn streams(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    // A rate, because without one headers would cost nothing.
    let clear = link("delay=25ms,rate=20mbit")?;
    let mean = |transport| -> Result<(f64, u64), CaseError> {
        let mut plan = plan(transport, PerDirection::both(clear.clone()), INTERVAL, MESSAGES);
        plan.workload.flows = 8;
        let latency = wire.run(&plan, 1)?.latency;
        Ok((latency.sum() as f64 / latency.n() as f64, latency.n()))
    };
    let (one, _) = mean(Transport::QUIC_ONE)?;
    let against = |figure, transport| -> Result<Finding, CaseError> {
        let (many, n) = mean(transport)?;
        let sample = Sample(n, "messages each");
        Ok(Unit::Ns.figure(figure, sample).within(0.0, HEADERS, many - one))
    };
    Ok(vec![
        against("stream per flow less one, mean", Transport::QUIC_FLOW)?,
        against("stream per message less one, mean", Transport::QUIC_MESSAGE)?,
    ])
}

fn seeds(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let lossy = link("delay=25ms,loss=1%")?;
    let plan = plan(Transport::QUIC_ONE, PerDirection::both(lossy), INTERVAL, MESSAGES);
    let arm = |first: u64| -> Result<Seeds, CaseError> {
        let latency = |seed| Ok(wire.run(&plan, seed)?.latency);
        let seeds = first..first + SEEDS_PER_ARM;
        Ok(Seeds::new(&seeds.map(latency).collect::<Result<Vec<Histogram>, CaseError>>()?))
    };
    let (a, b) = (arm(1)?, arm(1 + SEEDS_PER_ARM)?);
    let nothing = CaseError::Nothing("no message was delivered");
    let difference = paired(&a.mean(), &b.mean()).ok_or(nothing)?;
    let interval = difference.ci95.ok_or(CaseError::Nothing("the seeds show no spread"))?;
    Ok(vec![Unit::Ns.figure("difference of the means", Sample(SEEDS_PER_ARM, "seeds each")).contained(
        0.0,
        difference.difference,
        interval,
    )])
}
