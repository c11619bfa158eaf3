//! Transfers over time: the rate of arrival, and the congestion window, or the bytes on the link if no transport has a
//! window.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{
    Chart, Keys, WIDTH,
    axis::{Area, Px, Tick},
    legend::{Entry, legend},
    scale::Scale,
    series::stroke,
};
use crate::report::{
    group::Group,
    model::Progress,
    numbers::{instant, plural, rate, throughput},
};

/// The chart; `None` if no cell has the progress of a transfer.
pub(super) fn chart(group: &Group<'_>, keys: &Keys) -> Option<Chart> {
    let known: Vec<(&Progress, usize, &String)> = group
        .rows()
        .filter_map(|(cell, label)| {
            Some((cell.pictures.as_ref()?.progress.as_ref()?, keys.look(label), label))
        })
        .collect();
    let end = known
        .iter()
        .map(|(progress, ..)| progress.bin_ns.saturating_mul(progress.arrived_bytes.len() as u64))
        .max()?;
    let entries: Vec<Entry> = known
        .iter()
        .map(|(_, look, label)| Entry {
            sign: |entry, x, y| {
                html! { line class=(stroke(entry.look)) x1=(Px(x - 14.0)) x2=(Px(x + 14.0)) y1=(Px(y)) y2=(Px(y)) {} }
            },
            look: *look,
            name: (*label).clone(),
            toggles: Some(format!("l{look}")),
        })
        .collect();
    let (key, height) = legend(&entries, 84.0, 0.0);
    let first = Area { left: 84.0, right: WIDTH - 24.0, top: height + 36.0, bottom: height + 196.0 };
    let second = Area { top: first.bottom + 76.0, bottom: first.bottom + 206.0, ..first };
    let rates: Vec<Vec<u64>> = known.iter().map(|(progress, ..)| bits_per_second(progress)).collect();
    let windows: Vec<Vec<Option<u64>>> =
        known.iter().map(|(progress, ..)| progress.window_bytes.clone()).collect();
    let has_window = windows.iter().flatten().any(Option::is_some);
    let on_link: Vec<Vec<Option<u64>>> =
        known.iter().map(|(progress, ..)| known_bins(&progress.on_link_bytes)).collect();
    let shown: Vec<Vec<Option<u64>>> = rates.iter().map(|rates| known_bins(rates)).collect();
    let x = Scale::linear([0.0, end as f64], first.x());
    let body = html! {
        (key)
        (panel(&first, &x, "arriving at the receiver, with headers and retransmissions", &lines_of(&known, &shown), |bps| rate(libm::round(bps) as u64)))
        @if has_window {
            (panel(&second, &x, "congestion window of the sender", &lines_of(&known, &windows), bytes))
        } @else {
            (panel(&second, &x, "bytes on the link", &lines_of(&known, &on_link), bytes))
        }
    };
    let sentences =
        known.iter().zip(&rates).map(|((progress, _, label), rates)| sentence(progress, label, rates));
    let sentences: Vec<String> = sentences.collect();
    Some(Chart {
        name: "progress",
        title: format!("The transfer in time (seed {})", known.first()?.0.seed),
        row: None,
        caption: "As the link saw the packets that carry content; the run begins with connecting. A transport without a line \
                  below has no congestion control.",
        sentences: Vec::new(),
        summary: format!("{}.", sentences.join("; ")),
        height: second.bottom + 48.0,
        body,
    })
}

/// The figures of one transfer, for readers who cannot see the chart.
fn sentence(progress: &Progress, label: &str, rates: &[u64]) -> String {
    let most = rates.iter().max().copied().unwrap_or(0);
    let dropped = progress.dropped.iter().copied().fold(0, u64::saturating_add);
    let window = progress.window_bytes.iter().flatten().max();
    let window =
        window.map_or_else(String::new, |most| format!(", a window of up to {}", bytes(*most as f64)));
    format!("{label}: at most {}, {} dropped{window}", throughput(most), plural(dropped, "packet"))
}

fn bits_per_second(progress: &Progress) -> Vec<u64> {
    let rate = |bytes: &u64| u128::from(*bytes) * 8_000_000_000 / u128::from(progress.bin_ns.max(1));
    progress.arrived_bytes.iter().map(|bytes| u64::try_from(rate(bytes)).unwrap_or(u64::MAX)).collect()
}

fn known_bins(counts: &[u64]) -> Vec<Option<u64>> {
    counts.iter().copied().map(Some).collect()
}

fn bytes(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{} MB", n / 1e6),
        n if n >= 1e3 => format!("{} KB", n / 1e3),
        n => n.to_string(),
    }
}

/// A line with a step for each bin.
pub(super) struct Steps<'a> {
    pub(super) bin_ns: u64,
    pub(super) look: usize,
    pub(super) label: &'a String,
    /// Bins without a value are gaps.
    pub(super) values: &'a [Option<u64>],
}

fn lines_of<'a>(known: &[(&Progress, usize, &'a String)], figures: &'a [Vec<Option<u64>>]) -> Vec<Steps<'a>> {
    let line =
        |(&(progress, look, label), values): (&(&Progress, usize, &'a String), &'a Vec<Option<u64>>)| Steps {
            bin_ns: progress.bin_ns,
            look,
            label,
            values,
        };
    known.iter().zip(figures).map(line).collect()
}

/// Lines over the time since the start of a run.
pub(super) fn panel(
    area: &Area,
    x: &Scale,
    name: &str,
    lines: &[Steps<'_>],
    show: fn(f64) -> String,
) -> Markup {
    let most = lines.iter().flat_map(|line| line.values).flatten().max().copied().unwrap_or(0);
    let y = Scale::linear([0.0, most as f64], area.y());
    let x_ticks: Vec<Tick> = x.ticks(8).into_iter().map(|ns| (x.at(ns), instant(ns))).collect();
    let y_ticks: Vec<Tick> = y.ticks(4).into_iter().map(|value| (y.at(value), show(value))).collect();
    html! {
        (area.x_axis("since the start of the run", &x_ticks))
        (area.y_axis(name, &y_ticks))
        @for Steps { bin_ns, look, label, values } in lines {
            @let path = steps(*bin_ns, values, x, &y);
            @if !path.is_empty() {
                g class={ "line l" (look) } data-label=(label) data-n=(values.len()) {
                    path class=(stroke(*look)) d=(path) {}
                }
            }
        }
    }
}

/// A line with a step for each bin that has a value, and a gap for each bin that has none.
fn steps(bin_ns: u64, values: &[Option<u64>], x: &Scale, y: &Scale) -> String {
    let at = |bin: usize| Px(x.at(bin_ns as f64 * bin as f64));
    let mut path = String::new();
    let mut follows = false;
    for (bin, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let height = Px(y.at(*value as f64));
            // Writing to a string cannot fail.
            let _ = if follows {
                write!(path, "V{height}H{}", at(bin + 1))
            } else {
                write!(path, "M{} {height}H{}", at(bin), at(bin + 1))
            };
        }
        follows = value.is_some();
    }
    path
}
