//! Handshakes as a waterfall: connected, first reply, second reply, on a grid of round trips.

use maud::html;

use super::{
    Chart, WIDTH,
    axis::{Area, Px, Tick},
    bars::{self, Part, ROW, Row, bars},
    legend::{Entry, legend},
    scale::Scale,
};
use crate::report::{
    group::Group,
    model::{Cell, Handshake},
    numbers,
};

/// The phases, by part of the palette.
const PHASES: [(usize, &str); 3] = [(1, "connecting"), (2, "to the first reply"), (0, "to the second reply")];

/// The chart; `None` without handshakes.
pub(super) fn chart(group: &Group<'_>) -> Option<Chart> {
    let known: Vec<(&Handshake, &String)> =
        group.rows().filter_map(|(cell, label)| Some((cell.handshake.as_ref()?, label))).collect();
    let rows: Vec<Row> = known.iter().filter_map(|(handshake, label)| row(handshake, label)).collect();
    let end = |row: &Row| row.parts.iter().map(|part| part.value).sum::<f64>();
    let most = rows.iter().map(end).fold(0.0, f64::max);
    if most == 0.0 {
        return None;
    }
    let entries: Vec<Entry> = PHASES
        .iter()
        .map(|(look, name)| Entry {
            sign: |entry, x, y| bars::sign(entry.look, x, y),
            look: *look,
            name: (*name).to_owned(),
            toggles: None,
        })
        .collect();
    let left = bars::label_width(&rows);
    let (key, height) = legend(&entries, left, 0.0);
    let top = height + 10.0;
    let area = Area { left, right: WIDTH - 200.0, top, bottom: top + ROW * rows.len() as f64 };
    let scale = Scale::linear([0.0, most], area.x());
    let (ticks, axis) = ticks(group.cells[0], &scale, most);
    let body = html! {
        (key)
        (area.x_axis(axis, &ticks))
        (bars::labels(&rows, &area))
        (bars(&rows, &area, &scale))
    };
    let sentences: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.label, row.note)).collect();
    Some(Chart {
        name: "handshake",
        title: "From nothing to the first replies (medians)".to_owned(),
        row: None,
        caption: "A bar begins when the client begins to connect. Behind it stands the time to the first reply.",
        sentences: Vec::new(),
        summary: format!("{}.", sentences.join("; ")),
        height: area.bottom + 48.0,
        body: html! { (body) line class="edge" x1=(Px(area.left)) x2=(Px(area.left)) y1=(Px(area.top)) y2=(Px(area.bottom)) {} },
    })
}

/// A grid of the emulated link's round trips, or of times if there is no emulated link.
fn ticks(cell: &Cell, scale: &Scale, most: f64) -> (Vec<Tick>, &'static str) {
    let delay = |link: &crate::link::LinkSettings| link.count("delay_ns").unwrap_or(0);
    let rtt = cell.link.as_ref().map_or(0, |link| delay(&link.to_server) + delay(&link.to_client));
    let trips = if rtt == 0 { f64::INFINITY } else { most / rtt as f64 };
    if (1.0..=12.0).contains(&trips) {
        let tick = |n: u64| (scale.at((n * rtt) as f64), n.to_string());
        return ((0..=trips as u64).map(tick).collect(), "round trips of the link");
    }
    let tick = |ns: f64| (scale.at(ns), numbers::instant(ns));
    (scale.ticks(6).into_iter().map(tick).collect(), "time")
}

fn row(handshake: &Handshake, label: &str) -> Option<Row> {
    let median = |summary: Option<crate::stats::Summary>| summary?.p50;
    let first = median(handshake.first_reply_ns)?;
    // With 0-RTT the first reply may come before the handshake is over.
    let connect = median(handshake.connect_ns).unwrap_or(0).min(first);
    let second = median(handshake.second_reply_ns).unwrap_or(first).max(first);
    let lengths = [connect, first - connect, second - first];
    let part = |((look, name), ns): (&(usize, &str), u64)| Part {
        look: *look,
        value: ns as f64,
        title: format!("{name} {}", numbers::time(ns)),
    };
    let parts = PHASES.iter().zip(lengths).map(part).collect();
    let trips =
        handshake.round_trips.map_or_else(String::new, |trips| format!(" ({:.2} trips)", trips.get()));
    Some(Row { label: label.to_owned(), parts, note: format!("{}{trips}", numbers::time(first)) })
}
