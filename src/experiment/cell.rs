//! A row of a result: the outcomes of one plan, pooled over seeds.

use super::{outcome::Outcome, plan::Plan, workload::Arrivals};
use crate::{
    link::{Counters, GilbertElliott, JitterShape, LinkSpec, Loss, LossBy, QueueLimit},
    report::{self, Cell, Flag, PerSeed, Ratio},
    stats::{Histogram, Percentile},
    time::nanos,
    transport::Recovery,
    units::Share,
};

/// Pools the outcomes of one plan.
pub fn cell(plan: &Plan, outcomes: &[(u64, Outcome)]) -> Cell {
    let emulated = !plan.path.is_direct();
    let link = emulated.then(|| link(&plan.links));
    let mut cell = Cell::new(plan.transport.name(), plan.path.name(), link, workload(plan));
    let pool = Pool(outcomes);
    cell.congestion = plan.transport.is_quic().then(|| plan.congestion.to_string());
    cell.seeds = outcomes.len() as u64;
    let messages = pool.messages();
    cell.loss_ratio = Ratio::of(messages.lost, messages.scheduled);
    cell.on_time_ratio = messages.on_time.and_then(|n| Ratio::of(n, messages.scheduled));
    cell.connect_ns = Some(pool.connect().summary());
    cell.latency_ns = Some(report::Latency::pooled(&pool.each(|outcome| &outcome.latency)));
    cell.send_delay_ns = Some(pool.merge(|outcome| &outcome.send_delay).summary());
    cell.wire = pool.wire(plan, messages.delivered);
    cell.recovery = Some(pool.recovery());
    cell.per_seed = outcomes.iter().map(|(seed, outcome)| per_seed(plan, *seed, outcome)).collect();
    cell.flags = flags(plan, &pool, &messages);
    cell.messages = Some(messages);
    cell
}

/// The outcomes of all seeds.
struct Pool<'a>(&'a [(u64, Outcome)]);

impl Pool<'_> {
    fn sum(&self, of: impl Fn(&Outcome) -> u64) -> u64 {
        self.0.iter().map(|(_, outcome)| of(outcome)).sum()
    }

    fn each(&self, of: impl Fn(&Outcome) -> &Histogram) -> Vec<Histogram> {
        self.0.iter().map(|(_, outcome)| of(outcome).clone()).collect()
    }

    fn merge(&self, of: impl Fn(&Outcome) -> &Histogram) -> Histogram {
        let mut all = Histogram::new();
        self.0.iter().for_each(|(_, outcome)| all.merge(of(outcome)));
        all
    }

    fn messages(&self) -> report::Messages {
        report::Messages {
            scheduled: self.sum(|outcome| outcome.messages.scheduled),
            sent: self.sum(|outcome| outcome.messages.sent),
            delivered: self.sum(|outcome| outcome.messages.delivered),
            on_time: Some(self.sum(|outcome| outcome.messages.on_time)),
            lost: self.sum(|outcome| outcome.messages.lost),
            unfinished: self.sum(|outcome| outcome.messages.unfinished),
            duplicated: Some(self.sum(|outcome| outcome.messages.duplicated)),
            reordered: Some(self.sum(|outcome| outcome.messages.reordered)),
            corrupted: Some(self.sum(|outcome| outcome.messages.corrupted)),
        }
    }

    fn connect(&self) -> Histogram {
        let mut connect = Histogram::new();
        let times = self.0.iter().filter_map(|(_, outcome)| outcome.connect);
        times.for_each(|time| connect.record(nanos(time)));
        connect
    }

    /// Both directions of the wire; `None` where it is not ours.
    fn wire(&self, plan: &Plan, delivered: u64) -> Option<report::Wire> {
        let mut sum = [Counters::default(); 2];
        for (_, outcome) in self.0 {
            let wire = outcome.wire?;
            sum.iter_mut().zip(wire).for_each(|(sum, counters)| *sum += counters);
        }
        let useful = delivered * (plan.workload.length + plan.workload.reply_length) as u64;
        let bytes = sum[0].bytes + sum[1].bytes;
        Some(report::Wire {
            to_server: Some(wire_direction(sum[0])),
            to_client: Some(wire_direction(sum[1])),
            overhead_ratio: Ratio::new(bytes as f64 / useful as f64 - 1.0),
        })
    }

    fn recovery(&self) -> report::Recovery {
        let ends: Vec<&Recovery> =
            self.0.iter().flat_map(|(_, outcome)| [&outcome.client, &outcome.server]).collect();
        let sum =
            |of: fn(&Recovery) -> Option<u64>| ends.iter().filter_map(|end| of(end)).reduce(|sum, n| sum + n);
        report::Recovery {
            retransmitted_packets: sum(|end| end.retransmitted_packets),
            congestion_events: sum(|end| end.congestion_events),
            min_window_bytes: ends.iter().filter_map(|end| end.min_window_bytes).min(),
            window_limited_ns: sum(|end| end.window_limited.map(nanos)),
        }
    }
}

fn per_seed(plan: &Plan, seed: u64, outcome: &Outcome) -> PerSeed {
    let delivered = outcome.messages.delivered;
    let tells_order = !plan.transport.hides_arrival();
    PerSeed {
        seed,
        p50_ns: outcome.latency.percentile(Percentile::P50),
        p99_ns: outcome.latency.percentile(Percentile::P99),
        loss_ratio: Ratio::of(outcome.messages.lost, outcome.messages.scheduled),
        delayed_ratio: None,
        blocked_ratio: Ratio::of(outcome.order.blocked, delivered).filter(|_| tells_order),
    }
}

/// Of the time that messages were sent, how much the window may have been full before that is said.
const LIMITED_SHARE: f64 = 0.01;
/// How late messages may be sent, at the 99th percentile, before that is said.
const LATE_NS: u64 = 1_000_000;

fn flags(plan: &Plan, pool: &Pool<'_>, messages: &report::Messages) -> Vec<Flag> {
    let mut flags = Vec::new();
    let recovery = pool.recovery();
    let seconds = plan.workload.duration.as_secs_f64() * pool.0.len() as f64;
    let limited = recovery.window_limited_ns.unwrap_or(0) as f64 / 1e9;
    let is_limited = limited > LIMITED_SHARE * seconds;
    let mut flag = |condition: bool, flag| {
        if condition {
            flags.push(flag);
        }
    };
    flag(is_limited, Flag::WindowLimited);
    flag(!is_limited && recovery.congestion_events.unwrap_or(0) > 0, Flag::Congested);
    flag(
        pool.sum(|outcome| outcome.wire.map_or(0, |w| w[0].queue_dropped + w[1].queue_dropped)) > 0,
        Flag::QueueDropped,
    );
    flag(messages.delivered == 0, Flag::NoReply);
    let late = pool.merge(|outcome| &outcome.send_delay).percentile(Percentile::P99);
    flag(late.is_some_and(|late| late > LATE_NS), Flag::SendLate);
    flag(!plan.path.is_direct() && plan.links.iter().any(is_bursty), Flag::Bursty);
    flags
}

/// Whether losses come in runs: a chain, an outage, or a draw for a whole slot.
fn is_bursty(link: &LinkSpec) -> bool {
    match link.loss {
        Loss::Independent(share) => !share.is_zero() && link.loss_by != LossBy::Packet,
        Loss::GilbertElliott(_) | Loss::Outage { .. } => true,
        Loss::Drop(_) => false,
    }
}

fn wire_direction(counters: Counters) -> report::WireDirection {
    report::WireDirection {
        packets: counters.packets,
        bytes: counters.bytes,
        lost: counters.lost,
        queue_dropped: counters.queue_dropped,
        duplicated: counters.duplicated,
        reordered: counters.reordered,
        corrupted: counters.corrupted,
    }
}

fn workload(plan: &Plan) -> report::Workload {
    let workload = &plan.workload;
    report::Workload {
        flows: workload.flows.into(),
        interval_ns: Some(nanos(workload.interval)),
        length_bytes: Some(workload.length as u64),
        reply_length_bytes: Some(workload.reply_length as u64),
        arrivals: Some(match workload.arrivals {
            Arrivals::Isochronous => report::Arrivals::Isochronous,
            Arrivals::Poisson => report::Arrivals::Poisson,
        }),
        duration_ns: Some(nanos(workload.duration)),
        warmup_ns: Some(nanos(workload.warmup)),
        wait_round_trips: Some(workload.wait.times.into()),
        wait_max_ns: Some(nanos(workload.wait.most)),
        deadline_ns: Some(nanos(workload.deadline)),
    }
}

fn link([to_server, to_client]: &[LinkSpec; 2]) -> report::Link {
    report::Link { to_server: link_direction(to_server), to_client: link_direction(to_client) }
}

fn link_direction(link: &LinkSpec) -> report::LinkDirection {
    let share = |share: Share| Ratio::new(share.ratio()).filter(|_| !share.is_zero());
    let (loss_by, slot) = match link.loss_by {
        LossBy::Packet => (report::LossBy::Packet, None),
        LossBy::Time(slot) => (report::LossBy::Time, Some(nanos(slot))),
    };
    report::LinkDirection {
        delay_ns: nanos(link.delay),
        jitter_ns: link.jitter.as_ref().map(|jitter| nanos(jitter.amount)),
        jitter_distribution: link.jitter.as_ref().map(|jitter| match jitter.shape {
            JitterShape::Uniform => report::Distribution::Uniform,
            JitterShape::Normal => report::Distribution::Normal,
            JitterShape::Pareto => report::Distribution::Pareto,
        }),
        keep_order: link.keep_order,
        loss: (link.loss != Loss::NONE).then(|| link.loss.to_string()),
        loss_ratio: loss_ratio(&link.loss),
        loss_by,
        loss_slot_ns: slot,
        rate_bps: link.rate.map(|rate| rate.bits_per_second()),
        queue_bytes: match link.queue {
            QueueLimit::Bytes(size) => Some(size.bytes()),
            _ => None,
        },
        queue_packets: match link.queue {
            QueueLimit::Packets(packets) => Some(packets),
            _ => None,
        },
        reorder_ratio: share(link.reorder),
        duplicate_ratio: share(link.duplicate),
        corrupt_ratio: share(link.corrupt),
        mtu_bytes: link.mtu.into(),
    }
}

/// The share of packets that a model loses in the long run; `None` where that depends on the traffic.
fn loss_ratio(loss: &Loss) -> Option<Ratio> {
    match loss {
        Loss::Independent(share) => Ratio::new(share.ratio()).filter(|_| !share.is_zero()),
        Loss::GilbertElliott(GilbertElliott { p, r, h, k }) => {
            let (p, r) = (p.ratio(), r.ratio());
            let lost = p * h.complement().ratio() + r * k.complement().ratio();
            Ratio::new(lost / (p + r))
        }
        Loss::Drop(_) | Loss::Outage { .. } => None,
    }
}
