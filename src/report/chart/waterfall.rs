//! The waterfall of a load: a bar for each object of a page, with what it waited for.

use maud::{Markup, html};

use super::{
    Chart, WIDTH,
    axis::{Area, Px, Tick},
    bars,
    legend::{Entry, legend},
    scale::Scale,
};
use crate::report::{
    group::Group,
    model::{Bar, Cell, Waterfall},
    numbers,
    pages::{self, Phase},
};

const ROW: f64 = 16.0;
const BAR: f64 = 11.0;
const LEFT: f64 = 190.0;

/// What an object waits for: its part of the palette, and its name.
const PHASES: [(Phase, usize, &str); 4] = [
    (Phase::Connecting, 3, "connecting"),
    (Phase::Waiting, 0, "waiting for a connection"),
    (Phase::Requesting, 2, "request to first byte"),
    (Phase::Receiving, 1, "receiving"),
];

/// The charts of all rows, on the same scale.
pub(super) fn charts(group: &Group<'_>) -> Vec<Chart> {
    let drawn = |(cell, label): (&Cell, &String)| {
        let waterfall = cell.pictures.as_ref()?.waterfall.clone()?;
        (!waterfall.bars.is_empty()).then(|| (waterfall, label.clone()))
    };
    let drawn: Vec<(Waterfall, String)> = group.rows().filter_map(drawn).collect();
    let most = drawn.iter().map(|(waterfall, _)| pages::end(waterfall)).max().unwrap_or(0);
    drawn.iter().map(|(waterfall, label)| chart(waterfall, label, most)).collect()
}

fn chart(waterfall: &Waterfall, label: &str, most: u64) -> Chart {
    let entry = |&(_, look, name): &(Phase, usize, &str)| Entry {
        sign: |entry, x, y| bars::sign(entry.look, x, y),
        look,
        name: name.to_owned(),
        toggles: None,
    };
    let entries: Vec<Entry> = PHASES.iter().map(entry).collect();
    let (key, height) = legend(&entries, 0.0, 0.0);
    let top = height + 10.0;
    let rows = waterfall.bars.len() as f64;
    let area = Area { left: LEFT, right: WIDTH - 10.0, top, bottom: top + ROW * rows };
    let scale = Scale::linear([0.0, most as f64], area.x());
    let tick = |ns: f64| (scale.at(ns), numbers::instant(ns));
    let ticks: Vec<Tick> = scale.ticks(6).into_iter().map(tick).collect();
    let first = waterfall.bars.first().map_or(0, |bar| bar.first_byte_ns);
    let sentence = format!(
        "over {label} the first byte came after {} and the last object was complete after {}",
        numbers::time(first),
        numbers::time(pages::end(waterfall))
    );
    Chart {
        name: "waterfall",
        title: format!("One load over {label} (seed {})", waterfall.seed),
        row: Some(label.to_owned()),
        caption: "A bar for each object, from when it was known. An object is known when the one that names it is \
                  complete; the document is the first.",
        summary: format!("{sentence}."),
        sentences: vec![sentence],
        height: area.bottom + 48.0,
        body: html! {
            (key)
            (area.x_axis("time since the load began", &ticks))
            @for (index, bar) in waterfall.bars.iter().enumerate() {
                (drawn(index, bar, area.top + ROW * (index as f64 + 0.5), &scale))
            }
        },
    }
}

fn drawn(index: usize, bar: &Bar, y: f64, scale: &Scale) -> Markup {
    let name = pages::name(index, bar);
    let label = format!("{name}, {} B", numbers::count(bar.bytes));
    let named = |phase| PHASES.into_iter().find(|(named, ..)| *named == phase);
    let spans = pages::phases(bar).into_iter().filter(|(_, from, to)| to > from);
    let spans =
        spans.filter_map(|(phase, from, to)| named(phase).map(|(_, look, what)| (look, what, from, to)));
    html! {
        g class="bar" data-label=(name) {
            text x=(Px(LEFT - 8.0)) y=(Px(y + 4.0)) text-anchor="end" font-size="11" { (label) }
            @for (look, what, from, to) in spans {
                @let (left, right) = (scale.at(from as f64), scale.at(to as f64));
                rect class={ "part p" (look) } x=(Px(left)) y=(Px(y - BAR / 2.0)) width=(Px((right - left).max(0.8)))
                    height=(Px(BAR)) {
                    title { (name) ", " (what) ": " (numbers::time(to - from)) " on connection " (bar.connection) }
                }
            }
        }
    }
}
