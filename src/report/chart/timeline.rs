//! A run over time: the whole run in bins, and below it the worst part, message by message.

mod detail;
mod overview;

use maud::{Markup, html};

use self::{
    detail::Lanes,
    overview::{LANES, overview},
};
use super::{
    Chart, WIDTH,
    axis::{Area, Px, Tick},
    scale::Scale,
};
use crate::report::{
    group::Group,
    model::{Cell, Overview, Timeline},
    numbers,
};

/// The most charts of one kind: more would be too many to look through. The result file has the data of all.
const MOST: usize = 16;
const LEFT: f64 = 124.0;
const OVERVIEW: f64 = 44.0;
const DETAIL: f64 = 150.0;

/// A chart for each row that has a timeline.
pub(super) fn charts(group: &Group<'_>) -> Vec<Chart> {
    let timelines: Vec<(&Timeline, &String, Option<Move>)> = group
        .rows()
        .filter_map(|(cell, label)| Some((cell.pictures.as_ref()?.timeline.as_ref()?, label, Move::of(cell))))
        .take(MOST)
        .collect();
    // All rows share their axes, so that they can be compared.
    let latencies = || {
        let of = |(timeline, ..): &(&Timeline, &String, Option<Move>)| {
            let Overview { latency_max_ns, .. } = &timeline.overview;
            latency_max_ns.iter().chain(&timeline.detail.latency_ns).flatten().copied().collect::<Vec<u64>>()
        };
        timelines.iter().flat_map(of)
    };
    let (Some(least), Some(most)) = (latencies().min(), latencies().max()) else { return Vec::new() };
    let deadline = group.cells.iter().find_map(|cell| cell.workload.deadline_ns);
    let latency = [least as f64 * 0.9, most.max(deadline.unwrap_or(0)) as f64 * 1.1];
    let chart = |(timeline, label, moved): &(&Timeline, &String, Option<Move>)| {
        chart(timeline, label, latency, deadline, *moved)
    };
    timelines.iter().map(chart).collect()
}

/// The change of the client's address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    at_ns: u64,
    /// How long it had no network.
    outage_ns: u64,
}

impl Move {
    pub(super) fn of(cell: &Cell) -> Option<Self> {
        let migration = cell.migration.as_ref()?;
        Some(Self { at_ns: migration.at_ns, outage_ns: migration.outage_ns.unwrap_or(0) })
    }

    /// The same on an axis that begins at `from`; `None` if it was before that.
    pub(super) fn since(self, from: u64) -> Option<Self> {
        Some(Self { at_ns: self.at_ns.checked_sub(from)?, ..self })
    }

    /// The part of it that lies between `from` and `to`.
    pub(super) fn draw(self, area: &Area, x: &Scale, [from, to]: [u64; 2]) -> Markup {
        let until = self.at_ns.saturating_add(self.outage_ns).min(to);
        if self.at_ns < from || self.at_ns > to {
            return html! {};
        }
        let (left, right) = (x.at(self.at_ns as f64), x.at(until as f64));
        let words = if self.outage_ns > 0 { "no network" } else { "new address" };
        html! {
            g class="moved" {
                rect x=(Px(left)) y=(Px(area.top)) width=(Px((right - left).max(1.0))) height=(Px(area.bottom - area.top)) {}
                text x=(Px(left + 4.0)) y=(Px(area.top + 12.0)) { (words) }
            }
        }
    }
}

fn chart(
    timeline: &Timeline,
    label: &str,
    latency: [f64; 2],
    deadline: Option<u64>,
    moved: Option<Move>,
) -> Chart {
    let detail = &timeline.detail;
    let strip = Area { left: LEFT, right: WIDTH - 10.0, top: 24.0, bottom: 24.0 + OVERVIEW };
    let area = Area {
        left: LEFT,
        right: WIDTH - 10.0,
        top: strip.bottom + LANES + 52.0,
        bottom: strip.bottom + LANES + 52.0 + DETAIL,
    };
    let end = timeline.overview.bin_ns.saturating_mul(timeline.overview.latency_max_ns.len() as u64);
    let whole = Scale::linear([0.0, end.max(1) as f64], strip.x());
    let x = Scale::linear([detail.from_ns as f64, detail.to_ns as f64], area.x());
    let y = Scale::log(latency, area.y());
    let lanes = Lanes { detail, area, x, y };
    let bottom = lanes.bottom();
    let ticks: Vec<Tick> = x.ticks(8).into_iter().map(|ns| (x.at(ns), seconds(ns))).collect();
    let latencies: Vec<Tick> = y.ticks(6).into_iter().map(|ns| (y.at(ns), numbers::instant(ns))).collect();
    let (from, to) = (whole.at(detail.from_ns as f64), whole.at(detail.to_ns as f64));
    let (key, height) = lanes.key(bottom + 46.0);
    let whole_run = format!("the whole run of {} s: largest latency (log scale)", seconds(end as f64));
    let body = html! {
        text class="name" x="4" y="14" { (whole_run) }
        path class="lens" d={
            "M" (Px(from)) " " (Px(strip.bottom + LANES)) "V" (Px(strip.top)) "H" (Px(to)) "V" (Px(strip.bottom + LANES))
            "L" (Px(area.right)) " " (Px(area.top - 24.0)) "H" (Px(area.left)) "Z"
        } {}
        (overview(&timeline.overview, &strip, &whole, latency))
        (Area { bottom, ..area }.x_axis("when the message was due, in seconds of the run", &ticks))
        (area.y_axis("latency (log scale)", &latencies))
        @if let Some(moved) = moved { (moved.draw(&area, &x, [detail.from_ns, detail.to_ns])) }
        @if let Some(deadline) = deadline { (area.deadline(y.at(deadline as f64))) }
        (lanes.draw(label))
        // Above the marks, so that none crosses it.
        @if let Some(deadline) = deadline {
            g class="deadline" {
                text x=(Px(area.right)) y=(Px(y.at(deadline as f64) - 4.0)) text-anchor="end" { "deadline" }
            }
        }
        (key)
    };
    Chart {
        name: "time",
        title: format!("{label} in time (seed {})", timeline.seed),
        row: Some(label.to_owned()),
        caption: "The run of the first seed. Above: the largest latency of each part of the whole run, red dashes where messages \
                  never arrived, and how many messages were blocked and packets dropped. Below: the part of the run that is \
                  worst over all transports, with a mark for each message at the instant when it was due, and a stroke for \
                  each packet that the link dropped.",
        sentences: Vec::new(),
        summary: lanes.summary(),
        height: bottom + 46.0 + height,
        body,
    }
}

/// Seconds, without a unit.
fn seconds(ns: f64) -> String {
    let milliseconds = libm::round(ns / 1e6) as u64;
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
