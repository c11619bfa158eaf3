//! Latency as a complementary cumulative distribution: the share of messages still missing after a given time.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{
    Chart, Keys, WIDTH,
    axis::{Area, Px, Tick},
    legend::{Entry, legend},
    scale::Scale,
    series::{mark, marker, shape, stroke},
};
use crate::report::{
    group::Group,
    model::{Cell, Ratio},
    numbers, words,
};

/// A line: latencies, and the share of messages that take longer or never arrive.
struct Line {
    label: String,
    look: usize,
    points: Vec<(u64, f64)>,
    /// The share that never arrives.
    missing: f64,
    /// The latencies that are marked, by name, with their share.
    marks: Vec<(&'static str, u64, f64)>,
}

/// The chart; `None` if nothing was delivered.
pub(super) fn chart(group: &Group<'_>, keys: &Keys) -> Option<Chart> {
    let lines: Vec<Line> =
        group.rows().filter_map(|(cell, label)| Line::of(cell, label, keys.look(label))).collect();
    if lines.is_empty() {
        return None;
    }
    let deadline = group.cells.iter().find_map(|cell| cell.workload.deadline_ns);
    let entries: Vec<Entry> = lines.iter().map(Line::entry).collect();
    let (key, height) = legend(&entries, 64.0, 0.0);
    let area = Area { left: 64.0, right: WIDTH - 16.0, top: height + 38.0, bottom: height + 338.0 };
    let ends = |ns: &dyn Fn(&Line) -> Option<u64>| lines.iter().filter_map(ns).collect::<Vec<_>>();
    let first = ends(&|line| line.points.first().map(|(ns, _)| *ns)).into_iter().min()?;
    let last = ends(&|line| line.points.last().map(|(ns, _)| *ns)).into_iter().chain(deadline).max()?;
    let x = Scale::log([first as f64 * 0.95, last as f64 * 1.05], area.x());
    let least =
        lines.iter().flat_map(|line| &line.points).map(|(_, share)| *share).filter(|share| *share > 0.0);
    let y = Scale::log([least.fold(0.1, f64::min) * 0.7, 1.0], area.y());
    let body = html! {
        (key)
        (area.x_axis("latency, from the instant at which a message was due (log scale)", &times(&x)))
        (area.y_axis("messages still missing after this time (log scale)", &shares(&y)))
        @if let Some(deadline) = deadline { (deadline_line(&area, &x, deadline)) }
        @for line in &lines { (line.draw(&area, &x, &y)) }
    };
    Some(Chart {
        name: "latency",
        title: "How late messages are".to_owned(),
        row: None,
        caption: "A line falls as messages arrive. It never falls below the share that was lost for good. Marked: the median \
                  and the 99th percentile of what arrived. A message that arrives exactly at the deadline is on time.",
        sentences: Vec::new(),
        summary: summary(&lines, deadline),
        height: area.bottom + 48.0,
        body,
    })
}

fn times(scale: &Scale) -> Vec<Tick> {
    let label = |ns: f64| (scale.at(ns), numbers::instant(ns));
    scale.ticks(8).into_iter().map(label).collect()
}

fn shares(scale: &Scale) -> Vec<Tick> {
    let label = |share: f64| (scale.at(share), numbers::percent(share));
    scale.ticks(6).into_iter().map(label).collect()
}

fn deadline_line(area: &Area, x: &Scale, deadline: u64) -> Markup {
    let at = x.at(deadline as f64);
    let (side, anchor) = if at > area.right - 140.0 { (-6.0, "end") } else { (6.0, "start") };
    html! {
        g class="deadline" data-ns=(deadline) {
            line x1=(Px(at)) x2=(Px(at)) y1=(Px(area.top)) y2=(Px(area.bottom)) {}
            text x=(Px(at + side)) y=(Px(area.top + 14.0)) text-anchor=(anchor) { "deadline " (numbers::setting(deadline)) }
        }
    }
}

impl Line {
    fn of(cell: &Cell, label: &str, look: usize) -> Option<Self> {
        let messages = cell.messages.as_ref().filter(|messages| messages.delivered > 0)?;
        let (known, delivered) = (messages.known().max(messages.delivered), messages.delivered);
        let summary = &cell.latency_ns.as_ref()?.summary;
        let beyond = |n: u64| known.saturating_sub(n) as f64 / known as f64;
        let rank = |part: u64| (u128::from(delivered) * u128::from(part)).div_ceil(1000) as u64;
        let bins = cell.pictures.iter().flat_map(|pictures| &pictures.latency_bins);
        let mut arrived = 0;
        let mut points: Vec<(u64, f64)> = bins
            .map(|[ns, n]| {
                arrived += n;
                (*ns, beyond(arrived))
            })
            .collect();
        if points.is_empty() {
            let thousandths = [
                (summary.min, 0),
                (summary.p50, 500),
                (summary.p90, 900),
                (summary.p99, 990),
                (summary.p999, 999),
            ];
            let known = thousandths.into_iter().filter_map(|(ns, part)| Some((ns?, beyond(rank(part)))));
            points = known.chain(summary.max.map(|max| (max, beyond(delivered)))).collect();
            // If several percentiles have the same latency, the last one counts.
            points.dedup_by(|next, kept| {
                next.0 == kept.0 && {
                    kept.1 = next.1;
                    true
                }
            });
        }
        let marks = [("p50", summary.p50, 500), ("p99", summary.p99, 990)];
        let marks = marks.into_iter().filter_map(|(name, ns, part)| Some((name, ns?, beyond(rank(part)))));
        let marks = marks.collect();
        Some(Self { label: label.to_owned(), look, points, missing: beyond(delivered), marks })
    }

    fn entry(&self) -> Entry {
        Entry { sign, look: self.look, name: self.label.clone(), toggles: Some(format!("l{}", self.look)) }
    }

    /// The share of messages that take longer than `ns`.
    fn beyond(&self, ns: u64) -> f64 {
        let below = self.points.partition_point(|(other, _)| *other <= ns);
        below.checked_sub(1).map_or(1.0, |index| self.points[index].1)
    }

    fn draw(&self, area: &Area, x: &Scale, y: &Scale) -> Markup {
        let mut path = format!("M{} {}", Px(area.left), Px(area.top));
        let mut values = String::new();
        for (ns, share) in &self.points {
            let down = if *share > 0.0 { y.at(*share) } else { area.bottom };
            // Writing to a string cannot fail.
            let _ = write!(path, "H{}V{}", Px(x.at(*ns as f64)), Px(down));
            let _ = write!(values, "{ns} {} ", Ratio::new(*share).map_or(0.0, Ratio::get));
        }
        if self.missing > 0.0 {
            let _ = write!(path, "H{}", Px(area.right));
        }
        html! {
            g class={ "line l" (self.look) } data-label=(self.label) data-points=(values.trim_end()) {
                path class=(stroke(self.look)) d=(path) {}
                @for (name, ns, share) in &self.marks {
                    (marker(self.look, x.at(*ns as f64), y.at(*share),
                        &format!("{}: {name} {}", self.label, numbers::time(*ns))))
                }
            }
        }
    }
}

/// A piece of the line with its marker.
fn sign(entry: &Entry, x: f64, y: f64) -> Markup {
    html! {
        line class=(stroke(entry.look)) x1=(Px(x - 14.0)) x2=(Px(x + 14.0)) y1=(Px(y)) y2=(Px(y)) {}
        path class=(mark(entry.look)) d=(shape(entry.look, x, y)) {}
    }
}

fn summary(lines: &[Line], deadline: Option<u64>) -> String {
    let line = |line: &Line| {
        let marks = line.marks.iter().map(|(name, ns, _)| format!("{name} {}", numbers::time(*ns)));
        let mut parts: Vec<String> = marks.collect();
        if let Some(deadline) = deadline {
            let late = Ratio::new(line.beyond(deadline)).map_or_else(String::new, numbers::share);
            parts.push(format!("{late} missing at the deadline"));
        }
        if let Some(missing) = Ratio::new(line.missing).filter(|ratio| ratio.get() > 0.0) {
            parts.push(format!("{} never arrived", numbers::share(missing)));
        }
        format!("{}: {}", line.label, words::list(&parts))
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    format!("{}.", lines.join("; "))
}
