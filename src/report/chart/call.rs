//! A video call as a strip: what was on the screen, frame by frame, and where the picture jumped.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{
    Chart, WIDTH,
    axis::{Area, Px, Tick},
    bars::{self, cut},
    legend::{Entry, legend},
    scale::Scale,
};
use crate::report::{
    group::Group,
    model::{Cell, Strip},
    numbers,
};

/// What a frame can be: its letter, its part of the palette, and its name. Hues and lightnesses all differ.
const FATES: [(char, usize, &str); 4] =
    [('s', 1, "shown"), ('u', 4, "useless"), ('l', 2, "late"), ('i', 3, "incomplete")];

const ROW: f64 = 46.0;
const BAR: f64 = 22.0;
const LEFT: f64 = 150.0;

/// The chart; `None` without calls.
pub(super) fn chart(group: &Group<'_>) -> Option<Chart> {
    let strip = |(cell, label): (&Cell, &String)| {
        Some((cell.pictures.as_ref()?.call.clone().filter(|strip| !strip.frames.is_empty())?, label.clone()))
    };
    let strips: Vec<(Strip, String)> = group.rows().filter_map(strip).collect();
    let seed = strips.first()?.0.seed;
    let length = |strip: &Strip| strip.interval_ns as f64 * strip.frames.len() as f64;
    let most = strips.iter().map(|(strip, _)| length(strip)).fold(0.0, f64::max);
    let entry = |(_, look, name): &(char, usize, &str)| Entry {
        sign: |entry, x, y| bars::sign(entry.look, x, y),
        look: *look,
        name: (*name).to_owned(),
        toggles: None,
    };
    let entries: Vec<Entry> = FATES.iter().map(entry).collect();
    let (key, height) = legend(&entries, LEFT, 0.0);
    let top = height + 10.0;
    let area = Area { left: LEFT, right: WIDTH - 10.0, top, bottom: top + ROW * strips.len() as f64 };
    let scale = Scale::linear([0.0, most], area.x());
    let tick = |ns: f64| (scale.at(ns), numbers::instant(ns));
    let ticks: Vec<Tick> = scale.ticks(6).into_iter().map(tick).collect();
    let sentence = |(strip, label): &(Strip, String)| {
        if !strip.frames.contains('s') {
            return format!("{label} showed no frame");
        }
        let longest = strip.freezes.iter().max_by_key(|[_, length, _]| *length);
        longest.map_or_else(
            || format!("{label} never froze"),
            |[at, length, frames]| {
                let (at, length) = (numbers::time(*at), numbers::time(*length));
                let jump = match frames {
                    0 => String::new(),
                    frames => format!(", then jumped {}", numbers::plural(*frames, "frame")),
                };
                format!("{label} froze for {length} from {at}{jump}")
            },
        )
    };
    let sentences: Vec<String> = strips.iter().map(sentence).collect();
    Some(Chart {
        name: "call",
        title: format!("What was on the screen (seed {seed})"),
        row: None,
        caption: "Each frame at its playout instant. Where frames were not shown the picture froze; a \
                  bracket marks a freeze, and the number the frames over which it then jumped, if a picture \
                  followed. Dashed lines \
                  mark a change of the client's address, and the end of an outage.",
        summary: format!("{}.", sentences.join("; ")),
        sentences,
        height: area.bottom + 48.0,
        body: html! {
            (key)
            (change(group, area, &scale))
            (area.x_axis("time of the call", &ticks))
            @for (row, (strip, label)) in strips.iter().enumerate() {
                (drawn(strip, label, area.top + ROW * row as f64, &scale))
            }
        },
    })
}

/// When the client's address changed, and when an outage after that was over: a line each across all calls.
fn change(group: &Group<'_>, area: Area, scale: &Scale) -> Markup {
    let migration = group.cells.iter().find_map(|cell| cell.migration.as_ref());
    let instants = migration.map(|migration| {
        let after = migration.outage_ns.filter(|outage| *outage > 0).map(|outage| migration.at_ns + outage);
        [("address changed", Some(migration.at_ns)), ("network again", after)]
    });
    html! {
        @for (name, at) in instants.into_iter().flatten() {
            @if let Some(at) = at {
                @let x = Px(scale.at(at as f64));
                path class="edge change" fill="none" stroke-dasharray="3 3"
                    d=(format!("M{x} {}V{}", Px(area.top), Px(area.bottom))) {
                    title { (name) ", " (numbers::instant(at as f64)) }
                }
            }
        }
    }
}

/// One call: its frames, and a bracket over each freeze.
fn drawn(strip: &Strip, label: &str, top: f64, scale: &Scale) -> Markup {
    let y = top + ROW - BAR - 4.0;
    let brackets: Vec<(f64, f64, u64)> = strip
        .freezes
        .iter()
        .map(|[at, length, frames]| (scale.at(*at as f64), scale.at((at + length) as f64), *frames))
        .collect();
    html! {
        g class="call" data-label=(label) {
            text x=(Px(LEFT - 8.0)) y=(Px(y + BAR / 2.0 + 4.5)) text-anchor="end" { (cut(label, 20)) }
            @for (letter, look, name) in FATES {
                @let path = blocks(strip, letter, y, scale);
                @if !path.is_empty() {
                    path class={ "part p" (look) } stroke="none" d=(path) { title { (label) ": " (name) } }
                }
            }
            @for (place, (from, to, frames)) in brackets.iter().enumerate() {
                path class="edge" fill="none" d=(format!("M{} {}v-4H{}v4", Px(*from), Px(y - 1.0), Px(*to))) {}
                // Labels that would overlap the one before are left out; the sentence names the longest.
                @if *frames > 0 && (place == 0 || from - brackets[place - 1].0 > 26.0) {
                    text x=(Px((from + to) / 2.0)) y=(Px(y - 8.0)) text-anchor="middle" font-size="11" { (frames) }
                }
            }
        }
    }
}

/// The runs of frames with one fate, as rectangles of one path.
fn blocks(strip: &Strip, letter: char, y: f64, scale: &Scale) -> String {
    let mut path = String::new();
    let fates: Vec<char> = strip.frames.chars().collect();
    let mut from = 0;
    for run in fates.chunk_by(|a, b| a == b) {
        let to = from + run.len();
        if run[0] == letter {
            let at = |frame: usize| scale.at(strip.interval_ns as f64 * frame as f64);
            // A single frame must be seen.
            let width = (at(to) - at(from)).max(0.8);
            let _ = write!(path, "M{} {}h{}v{}h-{}z", Px(at(from)), Px(y), Px(width), Px(BAR), Px(width));
        }
        from = to;
    }
    path
}
