//! Cases 6 to 8 and 10: head-of-line blocking against its closed form ([`Theory`]), for isolated losses on the way to
//! the server and a window that limits nothing.

use std::time::Duration;

use super::{Case, CaseError, Finding, MS, Sample, Unit, Wire, link, plan};
use crate::{
    experiment::{Outcome, Theory},
    transport::Transport,
    unit::PerDirection,
};

pub(super) const ONE_STREAM: Case = Case {
    number: 6,
    setting: "QUIC, one stream, RTT 100 ms, a message every 10 ms, 1% lost to the server",
    check: |wire| check(wire, Transport::QUIC_ONE, &FREQUENT),
};

pub(super) const FOUR_STREAMS: Case = Case {
    number: 7,
    setting: "the same on four streams, which take turns",
    check: |wire| check(wire, Transport::QUIC_FLOW, &FREQUENT),
};

pub(super) const STREAM_PER_MESSAGE: Case = Case {
    number: 8,
    setting: "the same on a stream per message",
    check: |wire| check(wire, Transport::QUIC_MESSAGE, &FREQUENT),
};

pub(super) const SPARSE_ONE_STREAM: Case = Case {
    number: 10,
    setting: "QUIC, one stream, RTT 50 ms, a message every 20 ms, 2% lost to the server",
    check: |wire| check(wire, Transport::QUIC_ONE, &SPARSE),
};

pub(super) const SPARSE_FOUR_STREAMS: Case = Case {
    number: 10,
    setting: "the same on four streams",
    check: |wire| check(wire, Transport::QUIC_FLOW, &SPARSE),
};

/// What a case sends, and on which link.
struct Setting {
    clear: &'static str,
    lossy: &'static str,
    interval: Duration,
    messages: u32,
}

/// A minute each.
const FREQUENT: Setting = Setting {
    clear: "delay=50ms",
    lossy: "delay=50ms,loss=1%",
    interval: Duration::from_millis(10),
    messages: 6000,
};
const SPARSE: Setting = Setting {
    clear: "delay=25ms",
    lossy: "delay=25ms,loss=2%",
    interval: Duration::from_millis(20),
    messages: 3000,
};

const FLOWS: u32 = 4;
const SEEDS: u64 = 30;

fn check(wire: &dyn Wire, transport: Transport, setting: &Setting) -> Result<Vec<Finding>, CaseError> {
    let links = PerDirection { to_server: link(setting.lossy)?, to_client: link(setting.clear)? };
    let mut plan = plan(transport, links, setting.interval, setting.messages);
    plan.workload.flows = FLOWS;
    // Finding out the path's MTU takes probes: they are not messages, and some of them are lost.
    plan.workload.warmup = 1000 * MS;
    let theory = Theory::of(&plan).map_err(CaseError::Nothing)?;
    let outcomes = (1..=SEEDS).map(|seed| wire.run(&plan, seed)).collect::<Result<Vec<_>, _>>()?;
    let share = |of: fn(&Outcome) -> u64| move |outcome: &Outcome| of(outcome) as f64 / delivered(outcome);
    let extra = |outcome: &Outcome| outcome.extra.sum() as f64 / delivered(outcome);
    Ok(vec![
        finding(Unit::Ratio, "delayed", theory.delayed, &outcomes, &share(|o| o.extra.n())),
        finding(Unit::Ratio, "blocked", theory.blocked, &outcomes, &share(|o| o.order.blocked)),
        finding(Unit::Ns, "mean recovery and order wait", theory.extra() * 1e9, &outcomes, &extra),
    ])
}

fn delivered(outcome: &Outcome) -> f64 {
    outcome.messages.delivered as f64
}

/// Holds within three standard errors, as the spread of the seeds gives them.
fn finding(
    unit: Unit,
    figure: &'static str,
    expected: f64,
    outcomes: &[Outcome],
    of: &dyn Fn(&Outcome) -> f64,
) -> Finding {
    let n = outcomes.len() as f64;
    let mean = outcomes.iter().map(of).sum::<f64>() / n;
    let squares = outcomes.iter().map(|outcome| (of(outcome) - mean) * (of(outcome) - mean));
    let error = libm::sqrt(squares.sum::<f64>() / (n - 1.0) / n);
    let messages = outcomes.iter().map(|outcome| outcome.messages.scheduled).sum();
    unit.figure(figure, Sample(messages, "messages")).within(expected, 3.0 * error, mean)
}
