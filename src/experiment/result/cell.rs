//! A row of a result: the outcomes of one plan, pooled over seeds.

use std::time::Duration;

use super::{
    pool::limit_flags,
    queueing::{ecn, queueing},
    seeds::Pool,
    settings::{link, workload},
    theory::Theory,
};
use crate::{
    experiment::{LEAD, path_kind::PathKind, plan::Plan, record::outcome::Outcome, setup::Setup},
    link::{LinkSpec, Loss, LossBy},
    report::{self, Cell, Flag, PerSeed, Ratio},
    stats::Percentile,
    transport::{Congestion, LossDetection, Transport},
    unit::nanos,
};

/// Pools the outcomes of one plan.
pub fn cell(plan: &Plan, outcomes: &[(u64, Outcome)]) -> Cell {
    let link = plan.path.has_link().then(|| link(&plan.links));
    let mut cell = Cell::new(plan.transport.name(), plan.path.name(), link, workload(plan));
    let pool = Pool(outcomes);
    if let Some(deadline) = outcomes.iter().find_map(|(_, outcome)| outcome.deadline) {
        cell.workload.deadline_ns = Some(nanos(deadline));
    }
    cell.congestion = congestion(plan.transport, plan.path, plan.congestion);
    cell.loss_detection = loss_detection(&plan.setup());
    cell.seeds = outcomes.len() as u64;
    let messages = pool.messages();
    cell.loss_ratio = Ratio::of(messages.lost, messages.known());
    cell.on_time_ratio = messages.on_time.and_then(|n| Ratio::of(n, messages.known()));
    cell.connect_ns = Some(pool.connect().summary());
    cell.latency_ns = Some(pool.latency());
    cell.send_delay_ns = Some(pool.merge(|outcome| &outcome.send_delay).summary());
    cell.budget_ns = pool.budget().or_else(|| pool.reported_budget(plan));
    cell.delayed = pool.delayed();
    cell.hol = sees_order(plan).then(|| pool.hol());
    match Theory::of(plan) {
        Ok(theory) => cell.theory = Some(expected(&theory)),
        Err(reason) => cell.theory_reason = Some(reason.to_owned()),
    }
    cell.server_gone_ns = outcomes.iter().find_map(|(_, outcome)| outcome.server_gone).map(nanos);
    cell.wire = pool.wire(plan, messages.delivered);
    cell.queue = queueing(outcomes.iter().map(|(_, outcome)| (outcome.queue.as_ref(), outcome.wire)));
    cell.ecn = ecn(outcomes.iter().map(|(_, outcome)| outcome.ecn));
    cell.cpu = pool.cpu(messages.sent);
    cell.network = Some(pool.network(&messages));
    cell.recovery = Some(pool.recovery(plan.transport));
    cell.video = pool.video();
    cell.game = pool.ages(plan.workload.deadline);
    cell.per_seed = outcomes.iter().map(|(seed, outcome)| per_seed(plan, *seed, outcome)).collect();
    cell.flags = flags(plan, &pool, &messages);
    cell.messages = Some(messages);
    cell
}

/// Whether order was seen at work in both directions.
pub(super) fn knows_order(plan: &Plan, outcomes: &[(u64, Outcome)]) -> bool {
    let pool = Pool(outcomes);
    sees_order(plan) && (!pool.is_remote() || pool.has_reports())
}

/// Whether this end could see order at work.
fn sees_order(plan: &Plan) -> bool {
    !plan.transport.uses_kernel_tcp() || plan.path == PathKind::Netns
}

/// The congestion controller in use; `None` if there is none, or if it is not known.
pub(in crate::experiment) fn congestion(
    transport: Transport,
    path: PathKind,
    asked: Congestion,
) -> Option<String> {
    transport.controller(asked, path == PathKind::Netns)
}

/// The thresholds at which packets were declared lost; `None` if the transport has none.
pub(in crate::experiment) fn loss_detection(setup: &Setup<'_>) -> Option<report::LossDetection> {
    let LossDetection { packet_threshold, time_threshold } = setup.loss_detection;
    let time_threshold = Ratio::new(time_threshold.round_trips().into())?;
    setup.transport.has_thresholds().then_some(report::LossDetection { packet_threshold, time_threshold })
}

fn expected(theory: &Theory) -> report::Theory {
    report::Theory {
        delayed_ratio: Ratio::new(theory.delayed),
        blocked_ratio: Ratio::new(theory.blocked),
        extra_mean_ns: Some(libm::round(theory.extra() * 1e9) as u64),
    }
}

fn per_seed(plan: &Plan, seed: u64, outcome: &Outcome) -> PerSeed {
    let delivered = outcome.messages.delivered;
    PerSeed {
        seed,
        p50_ns: outcome.latency.percentile(Percentile::P50),
        p99_ns: outcome.latency.percentile(Percentile::P99),
        loss_ratio: Ratio::of(outcome.messages.lost, outcome.messages.known()),
        delayed_ratio: Ratio::of(outcome.extra.n(), outcome.budget.n),
        blocked_ratio: Ratio::of(outcome.order.blocked, delivered).filter(|_| sees_order(plan)),
    }
}

/// Of the time that messages were sent, how much the window may have been full before a flag says so.
const LIMITED_SHARE: f64 = 0.01;
/// How late messages may be sent, at the 99th percentile, before a flag says so.
const LATE_NS: u64 = 1_000_000;

fn flags(plan: &Plan, pool: &Pool<'_, Outcome>, messages: &report::Messages) -> Vec<Flag> {
    let mut flags = Vec::new();
    let recovery = pool.recovery(plan.transport);
    let seconds = plan.workload.duration.as_secs_f64() * pool.0.len() as f64;
    let limited = recovery.window_limited_ns.unwrap_or(0) as f64 / 1e9;
    let ours = pool.limited_by();
    // Whatever kept more data from being sent than the congestion window did is named in its place.
    let is_limited = limited > LIMITED_SHARE * seconds && limited > ours.most().as_secs_f64();
    flags.extend(limit_flags(ours, Duration::from_secs_f64(LIMITED_SHARE * seconds)));
    let mut flag = |condition: bool, flag| {
        if condition {
            flags.push(flag);
        }
    };
    flag(is_limited, Flag::WindowLimited);
    let is_unfixed = plan.path == PathKind::Netns
        && plan.transport.uses_kernel_tcp()
        && matches!(plan.congestion, Congestion::Fixed(_));
    let by_marks =
        pool.sum(|outcome| outcome.ecn.map_or(0, |ecn| ecn.iter().map(|way| way.window_reductions).sum()));
    let is_congested = !is_limited && recovery.congestion_events.unwrap_or(0) + by_marks > 0;
    // The advice is a fixed window, which the kernel's TCP does not have.
    flag(is_congested && !plan.transport.uses_kernel_tcp(), Flag::Congested);
    flag(is_congested && plan.transport.uses_kernel_tcp() && !is_unfixed, Flag::KernelCongested);
    // Messages of frames that were given up are not awaited.
    let gives_up = plan.workload.application.gives_up().is_some();
    flag(messages.unfinished > 0 && !gives_up, Flag::Unfinished);
    flag(
        pool.sum(|outcome| outcome.wire.map_or(0, |w| w.to_server.queue_dropped + w.to_client.queue_dropped))
            > 0,
        Flag::QueueDropped,
    );
    flag(messages.delivered == 0, Flag::NoReply);
    let is_broken = pool.0.iter().any(|(_, outcome)| outcome.broken.is_some());
    flag(is_broken, if pool.is_remote() { Flag::ServerGone } else { Flag::ConnectionLost });
    flag(pool.sum(|outcome| outcome.network.refused) > 0, Flag::Refused);
    flag(pool.is_remote() && messages.delivered > 0 && !pool.has_reports(), Flag::PlainEcho);
    let late = pool.merge(|outcome| &outcome.send_delay).percentile(Percentile::P99);
    flag(late.is_some_and(|late| late > LATE_NS), Flag::SendLate);
    flag(plan.path.has_link() && plan.links.iter().any(is_bursty), Flag::Bursty);
    let connect = pool.connect().max();
    let is_late = connect.is_some_and(|longest| longest >= nanos(LEAD));
    flag(is_late && plan.path.has_link() && plan.links.iter().any(LinkSpec::follows_time), Flag::LateStart);
    flag(is_unfixed, Flag::NoFixedWindow);
    if let Some(fidelity) = pool.fidelity() {
        let late = fidelity.lateness.percentile(Percentile::P99);
        flag(late.is_some_and(|late| late > tolerated(plan)), Flag::LateWire);
        flag(fidelity.dropped > Some(0), Flag::MachineDropped);
        flag(fidelity.send_errors > 0, Flag::SendErrors);
    }
    flags
}

/// How late packets may leave the wire, at the 99th percentile: a tenth of the shorter delay, and a millisecond at
/// most.
fn tolerated(plan: &Plan) -> u64 {
    let delays = plan.links.iter().map(|link| nanos(link.delay)).filter(|delay| *delay > 0);
    delays.min().map_or(LATE_NS, |delay| (delay / 10).min(LATE_NS))
}

/// Whether losses come in runs: a chain, an outage, or a draw for a whole slot.
fn is_bursty(link: &LinkSpec) -> bool {
    match link.loss {
        Loss::Independent(share) => !share.is_zero() && link.loss_by != LossBy::Packet,
        Loss::GilbertElliott(_) | Loss::Outage { .. } => true,
        Loss::Drop(_) => false,
    }
}
