//! The age of the newest state of a game: a sawtooth curve for each row, all on the same axes.

use std::fmt::Write as _;

use maud::html;

use super::{
    Chart, WIDTH,
    axis::{Area, Px, Tick},
    bars::cut,
    scale::Scale,
    timeline::Move,
};
use crate::report::{
    group::Group,
    model::{AgeCurve, Cell},
    numbers,
};

const ROW: f64 = 78.0;
const SAW: f64 = 62.0;
const LEFT: f64 = 150.0;

/// The chart; `None` without games.
pub(super) fn chart(group: &Group<'_>) -> Option<Chart> {
    let curve = |(cell, label): (&Cell, &String)| {
        let curve = cell.pictures.as_ref()?.age.clone().filter(|curve| !curve.spans.is_empty())?;
        Some((curve, label.clone(), Move::of(cell)))
    };
    let curves: Vec<(AgeCurve, String, Option<Move>)> = group.rows().filter_map(curve).collect();
    let seed = curves.first()?.0.seed;
    let length = |curve: &AgeCurve| {
        let end = curve
            .spans
            .iter()
            .map(|[from, youngest, oldest]| from.saturating_add(oldest.saturating_sub(*youngest)))
            .max();
        end.unwrap_or(0).saturating_sub(curve.from_ns)
    };
    let most = curves.iter().map(|(curve, ..)| length(curve)).max()?;
    let oldest = |curve: &AgeCurve| curve.spans.iter().map(|[_, _, oldest]| *oldest).max().unwrap_or(0);
    let top_age = curves.iter().map(|(curve, ..)| oldest(curve)).max()?;
    let area = Area { left: LEFT, right: WIDTH - 10.0, top: 10.0, bottom: 10.0 + ROW * curves.len() as f64 };
    let x = Scale::linear([0.0, most as f64], area.x());
    let tick = |ns: f64| (x.at(ns), numbers::instant(ns));
    let ticks: Vec<Tick> = x.ticks(6).into_iter().map(tick).collect();
    let deadline = group.cells.iter().find_map(|cell| cell.workload.deadline_ns);
    let sentence = |(curve, label, _): &(AgeCurve, String, Option<Move>)| {
        format!("{label}: at most {} old", numbers::time(oldest(curve)))
    };
    let sentences: Vec<String> = curves.iter().map(sentence).collect();
    Some(Chart {
        name: "age",
        title: format!("Age of the newest state at the client (seed {seed})"),
        row: None,
        caption: "It grows with time and falls when a newer state arrives. Each row shows the five seconds in \
                  which it was highest, from the time beside it on, all on the same scale; the dashed line is the \
                  deadline.",
        summary: format!("{}.", sentences.join("; ")),
        sentences,
        height: area.bottom + 48.0,
        body: html! {
            (area.x_axis("time", &ticks))
            @for (row, (curve, label, moved)) in curves.iter().enumerate() {
                @let bottom = area.top + ROW * (row + 1) as f64 - 4.0;
                @let y = Scale::linear([0.0, top_age as f64], [bottom, bottom - SAW]);
                g data-label=(label) {
                    text x=(Px(LEFT - 8.0)) y=(Px(bottom - SAW / 2.0)) text-anchor="end" { (cut(label, 20)) }
                    text x=(Px(LEFT - 8.0)) y=(Px(bottom - SAW / 2.0 + 18.0)) text-anchor="end" font-size="11" {
                        "max " (numbers::time(oldest(curve)))
                    }
                    text x=(Px(LEFT - 8.0)) y=(Px(bottom - SAW / 2.0 + 33.0)) text-anchor="end" font-size="11" {
                        "from " (numbers::instant(curve.from_ns as f64)) " on"
                    }
                    @if let Some(moved) = moved.and_then(|moved| moved.since(curve.from_ns)) {
                        @let own = Area { top: bottom - SAW, bottom, ..area };
                        (moved.draw(&own, &x, [0, most]))
                    }
                    line class="edge" x1=(Px(area.left)) x2=(Px(area.right)) y1=(Px(bottom)) y2=(Px(bottom)) {}
                    @if let Some(deadline) = deadline.filter(|deadline| *deadline <= top_age) {
                        (area.deadline(y.at(deadline as f64)))
                    }
                    path class={ "stroke s" (row % super::series::LOOKS) } d=(saw(curve, &x, &y)) {}
                }
            }
        },
    })
}

fn saw(curve: &AgeCurve, x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    for (index, [from, youngest, oldest]) in curve.spans.iter().enumerate() {
        let at = from.saturating_sub(curve.from_ns);
        let command = if index == 0 { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(
            path,
            "{command}{} {}L{} {}",
            Px(x.at(at as f64)),
            Px(y.at(*youngest as f64)),
            Px(x.at((at + oldest - youngest) as f64)),
            Px(y.at(*oldest as f64))
        );
    }
    path
}
