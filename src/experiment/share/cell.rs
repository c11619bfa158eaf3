//! A row of a result: the senders of one plan, over all seeds.

use super::{SharePlan, figures::Figures, run::ShareOutcome};
use crate::{
    experiment::{
        result::{
            pool,
            queueing::{ecn, queueing},
            settings::link,
        },
        senders::{BIN, Crossed, FlowOutcome},
    },
    path::Fidelity,
    report::{self, Cell, Flag, Pictures, Ratio, ShareSender, ShareSeries},
    stats::{Histogram, Means, Percentile, Pooled, ci95},
    transport::Recovery,
    unit::nanos,
};

/// A sender gets a flag if a limit of its own kept it from sending for more than this share of its time.
const LIMITED_SHARE: f64 = 0.1;

/// Most bins of a series.
const MOST_BINS: usize = 240;

/// Pools the runs of one plan.
pub(super) fn cell(plan: &SharePlan, outcomes: &[(u64, ShareOutcome)]) -> Cell {
    let link = plan.path.has_link().then(|| link(&plan.links));
    let workload = report::Workload {
        flows: plan.senders.len() as u64,
        duration_ns: Some(nanos(plan.duration)),
        warmup_ns: Some(nanos(plan.warmup)),
        ..report::Workload::default()
    };
    let mut cell = Cell::new(plan.names(), plan.path.name(), link, workload);
    cell.seeds = outcomes.len() as u64;
    let figures: Vec<Figures<'_>> = outcomes.iter().map(|(_, outcome)| Figures::new(plan, outcome)).collect();
    let outcomes: Vec<&ShareOutcome> = outcomes.iter().map(|(_, outcome)| outcome).collect();
    let senders: Vec<ShareSender> =
        (0..plan.senders.len()).map(|index| sender(plan, index, &figures, &outcomes)).collect();
    cell.recovery = Some(pool::recovery(&ends(&outcomes, None)));
    cell.wire = pool::wire(outcomes.iter().map(|outcome| outcome.wire), Some(received(&outcomes)));
    cell.queue = queueing(outcomes.iter().map(|outcome| (outcome.queue.as_ref(), outcome.wire)));
    cell.ecn = ecn(outcomes.iter().map(|outcome| outcome.ecn));
    cell.flags = flags(&senders, &outcomes);
    let (jain, utilisation) = (over(&figures, |run| run.jain()), over(&figures, |run| run.utilisation()));
    cell.share = Some(report::Share {
        direction: plan.direction,
        measured_ns: plan.common().map(|ends| ends.map(nanos)),
        jain_index: mean(&jain).and_then(Ratio::new),
        jain_index_ci95: ratios(&jain),
        utilisation_ratio: mean(&utilisation).and_then(Ratio::new),
        queue_p95_ns: queue_p95(plan, &outcomes),
        senders,
    });
    cell
}

/// The values of a figure in all runs that have it.
fn over<'a>(runs: &[Figures<'a>], figure: impl Fn(&Figures<'a>) -> Option<f64>) -> Means {
    Means::new(runs.iter().filter_map(figure).collect())
}

fn mean(figures: &Means) -> Option<f64> {
    figures.value(&vec![1; figures.seeds()])
}

fn ratios(figures: &Means) -> Option<[Ratio; 2]> {
    let [low, high] = ci95(figures)?;
    Some([Ratio::new(low)?, Ratio::new(high)?])
}

/// The 95th percentile of the queueing delay at the bottleneck.
fn queue_p95(plan: &SharePlan, outcomes: &[&ShareOutcome]) -> Option<u64> {
    let mut all = Histogram::new();
    let delays =
        outcomes.iter().filter_map(|outcome| outcome.queue.as_ref()?[plan.direction.into()].as_ref());
    delays.for_each(|delays| all.merge(delays));
    all.percentile(Percentile::from_thousandths(950))
}

fn whole(value: f64) -> u64 {
    libm::round(value) as u64
}

fn sender(
    plan: &SharePlan,
    index: usize,
    figures: &[Figures<'_>],
    outcomes: &[&ShareOutcome],
) -> ShareSender {
    let sender = &plan.senders[index];
    let flows = || outcomes.iter().map(|outcome| &outcome.flows.flows[index]);
    let goodput = over(figures, |run| run.goodput(index));
    let share = over(figures, |run| run.share(index));
    let converge = || figures.iter().map(|run| run.converge(index));
    let converged = converge().filter_map(Result::ok);
    let total = converged.clone().fold(0, |total, time| total + nanos(time));
    let converged = converged.count() as u64;
    let Crossed { packets, dropped } = flows().map(|flow| flow.crossed).sum();
    let ends = ends(outcomes, Some(index));
    let ran = flows().map(|flow| flow.end.saturating_sub(flow.start)).sum::<std::time::Duration>();
    ShareSender {
        sender: sender.to_string(),
        transport: sender.transport.name().to_owned(),
        congestion: sender.controller(plan.path),
        pace_bps: sender.pace.map(|pace| pace.bits_per_second()),
        start_ns: nanos(sender.start),
        end_ns: nanos(sender.end_in(plan.duration)),
        goodput_bps: mean(&goodput).map(whole),
        goodput_ci95_bps: ci95(&goodput).map(|ends| ends.map(whole)),
        share_ratio: mean(&share).and_then(Ratio::new),
        share_ci95_ratio: ratios(&share),
        packets,
        dropped,
        loss_ratio: Ratio::of(dropped, packets),
        retransmitted_packets: pool::transfer_recovery(sender.transport, &ends).retransmitted_packets,
        converge_ns: total.checked_div(converged),
        converged,
        converge_reason: converge().find_map(Result::err).map(str::to_owned),
        flags: pool::limit_flags(pool::limited_by(&ends), ran.mul_f64(LIMITED_SHARE)),
        stopped: flows().find_map(FlowOutcome::stopped).cloned(),
    }
}

/// Both ends of a sender, or of all.
fn ends<'a>(outcomes: &[&'a ShareOutcome], sender: Option<usize>) -> Vec<&'a Recovery> {
    let flows = outcomes.iter().flat_map(|outcome| outcome.flows.flows.iter().enumerate());
    let chosen = flows.filter(|(index, _)| sender.is_none_or(|sender| sender == *index));
    chosen.flat_map(|(_, flow)| [&flow.transfer.client, &flow.transfer.server]).collect()
}

/// Bytes of content that the receivers have.
fn received(outcomes: &[&ShareOutcome]) -> u64 {
    let flows = outcomes.iter().flat_map(|outcome| &outcome.flows.flows);
    flows.filter_map(|flow| flow.received.last()).sum()
}

fn flags(senders: &[ShareSender], outcomes: &[&ShareOutcome]) -> Vec<Flag> {
    let fidelity = Fidelity::of_all(outcomes.iter().filter_map(|outcome| outcome.fidelity.as_ref()));
    let machine = |of: fn(&Fidelity) -> u64| fidelity.as_ref().is_some_and(|fidelity| of(fidelity) > 0);
    let mut flags: Vec<Flag> = senders.iter().flat_map(|sender| sender.flags.iter().copied()).collect();
    flags.sort_unstable();
    flags.dedup();
    let stopped = senders.iter().any(|sender| sender.stopped.is_some());
    let others = [
        (Flag::SenderStopped, stopped),
        (Flag::MachineDropped, machine(|fidelity| fidelity.dropped.unwrap_or(0))),
        (Flag::SendErrors, machine(|fidelity| fidelity.send_errors)),
    ];
    flags.extend(others.into_iter().filter_map(|(flag, is_so)| is_so.then_some(flag)));
    flags
}

/// The goodput of the senders of the first seed over time.
pub(super) fn pictures(plan: &SharePlan, seed: u64, outcome: &ShareOutcome) -> Pictures {
    let figures = Figures::new(plan, outcome);
    let bins = outcome.flows.read_at.len().saturating_sub(1);
    let merged = bins.div_ceil(MOST_BINS).max(1);
    let series = |sender| -> Vec<u64> {
        let mean = |bins: &[f64]| whole(bins.iter().sum::<f64>() / bins.len() as f64);
        figures.series(sender).chunks(merged).map(mean).collect()
    };
    let series = ShareSeries {
        seed,
        bin_ns: nanos(BIN) * merged as u64,
        goodput_bps: (0..plan.senders.len()).map(series).collect(),
    };
    Pictures { share: Some(series), ..Pictures::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Senders have no messages that could count as unfinished.
    #[test]
    fn a_sender_that_stopped_has_a_flag_of_its_own() {
        let stopped = ShareSender { stopped: Some("too many gaps".to_owned()), ..ShareSender::default() };
        assert_eq!(flags(&[ShareSender::default(), stopped], &[]), [Flag::SenderStopped]);
        assert_eq!(flags(&[ShareSender::default()], &[]), []);
    }
}
