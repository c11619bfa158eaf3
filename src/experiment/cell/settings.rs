//! The link and the workload of a plan, as a result states them.

use crate::{
    experiment::{plan::Plan, workload::Arrivals},
    link::{GilbertElliott, JitterShape, LinkSpec, Loss, LossBy, QueueLimit},
    report::{self, Ratio},
    unit::{PerDirection, Share, nanos},
};

pub(super) fn workload(plan: &Plan) -> report::Workload {
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

pub(in crate::experiment) fn link(links: &PerDirection<LinkSpec>) -> report::Link {
    report::Link { to_server: link_direction(&links.to_server), to_client: link_direction(&links.to_client) }
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
