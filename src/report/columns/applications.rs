//! The columns of calls, games and pages.

use super::{Spec, share, time};
use crate::report::{
    block::Topic,
    figure::Figure,
    model::{Cell, PagePhases, Ratio, Video},
};

/// What the viewer of a call saw.
pub(super) const VIDEO: [Spec; 12] = [
    ("shown", Topic::Outcome, |cell| frames(cell, |video| video.shown)),
    ("late", Topic::Outcome, |cell| frames(cell, |video| video.late)),
    ("incomplete", Topic::Outcome, |cell| frames(cell, |video| video.incomplete)),
    ("useless", Topic::Outcome, |cell| frames(cell, |video| video.useless)),
    ("freezes", Topic::Order, |cell| Some(Figure::Count(cell.video.as_ref()?.freezes))),
    ("frozen", Topic::Order, |cell| {
        let duration = cell.workload.duration_ns?.saturating_mul(cell.seeds);
        share(Ratio::of(cell.video.as_ref()?.frozen_ns, duration))
    }),
    ("longest freeze", Topic::Order, |cell| time(cell.video.as_ref()?.longest_freeze_ns)),
    ("longest jump", Topic::Order, |cell| cell.video.as_ref()?.jump_frames.max.map(Figure::Count)),
    ("never ready", Topic::Latency, |cell| {
        // Percentiles of the others mean nothing without them.
        frames(cell, |video| video.frames.saturating_sub(video.delay_ns.n))
    }),
    ("ready p50", Topic::Latency, |cell| time(cell.video.as_ref()?.delay_ns.p50)),
    ("ready p99", Topic::Latency, |cell| time(cell.video.as_ref()?.delay_ns.p99)),
    ("wasted", Topic::Cost, |cell| {
        let video = cell.video.as_ref()?;
        share(Ratio::of(video.wasted_bytes, video.bytes))
    }),
];

/// The age of the state of a game.
pub(super) const GAME: [Spec; 6] = [
    ("used", Topic::Outcome, |cell| {
        let age = &cell.game.as_ref()?.both;
        share(Ratio::of(age.used, age.updates))
    }),
    ("superseded", Topic::Outcome, |cell| {
        let age = &cell.game.as_ref()?.both;
        share(Ratio::of(age.superseded, age.updates))
    }),
    ("stale", Topic::Outcome, |cell| share(cell.game.as_ref()?.both.stale_ratio)),
    ("age mean", Topic::Latency, |cell| time(cell.game.as_ref()?.both.mean_ns)),
    ("age p99", Topic::Latency, |cell| time(cell.game.as_ref()?.both.p99_ns)),
    ("age max", Topic::Latency, |cell| time(cell.game.as_ref()?.both.max_ns)),
];

/// When a page was complete. The last four add up to the mean time of a load.
pub(super) const PAGE: [Spec; 12] = [
    ("failed loads", Topic::Outcome, |cell| {
        let page = cell.page.as_ref()?;
        share(Ratio::of(page.failed, page.loads))
    }),
    ("first byte", Topic::Latency, |cell| time(cell.page.as_ref()?.first_byte_ns.p50)),
    ("document", Topic::Latency, |cell| time(cell.page.as_ref()?.document_ns.p50)),
    ("first object", Topic::Latency, |cell| time(cell.page.as_ref()?.first_object_ns.p50)),
    ("complete p50", Topic::Latency, |cell| time(cell.page.as_ref()?.complete_ns.p50)),
    ("complete p90", Topic::Latency, |cell| time(cell.page.as_ref()?.complete_ns.p90)),
    ("round trips", Topic::Duration, |cell| Some(Figure::Mean(cell.page.as_ref()?.round_trips?.get(), 2))),
    ("connections", Topic::Cost, |cell| {
        Some(Figure::Mean(cell.page.as_ref()?.connections_per_load?.get(), 1))
    }),
    ("connecting", Topic::Loading, |cell| phase(cell, |phases| phases.connecting_ns)),
    ("waiting", Topic::Loading, |cell| phase(cell, |phases| phases.waiting_ns)),
    ("to first bytes", Topic::Loading, |cell| phase(cell, |phases| phases.request_ns)),
    ("receiving", Topic::Loading, |cell| phase(cell, |phases| phases.receiving_ns)),
];

fn frames(cell: &Cell, of: fn(&Video) -> u64) -> Option<Figure> {
    let video = cell.video.as_ref()?;
    share(Ratio::of(of(video), video.frames))
}

fn phase(cell: &Cell, of: fn(&PagePhases) -> u64) -> Option<Figure> {
    time(cell.page.as_ref()?.phases_mean_ns.as_ref().map(of))
}
