//! The link and the workload of a plan, as a result states them.

use crate::{
    experiment::plan::Plan,
    link::{LinkSettings, LinkSpec},
    report,
    unit::{PerDirection, nanos},
};

pub(super) fn workload(plan: &Plan) -> report::Workload {
    let workload = &plan.workload;
    let video = workload.application.video();
    report::Workload {
        application: Some(workload.application.to_string()),
        playout_ns: video.map(|video| nanos(video.playout)),
        drop_late: video.map(|video| video.drop_late),
        flows: workload.flows.into(),
        interval_ns: Some(nanos(workload.interval)),
        length_bytes: Some(workload.length as u64),
        reply_length_bytes: Some(workload.reply_length as u64),
        arrivals: Some(workload.arrivals),
        duration_ns: Some(nanos(workload.duration)),
        warmup_ns: Some(nanos(workload.warmup)),
        wait_round_trips: Some(workload.wait.times.into()),
        wait_max_ns: Some(nanos(workload.wait.most)),
        deadline_ns: Some(nanos(workload.deadline)),
    }
}

pub(in crate::experiment) fn link(links: &PerDirection<LinkSpec>) -> report::Link {
    links.as_ref().map(LinkSettings::of)
}
