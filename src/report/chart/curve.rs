//! Curves over an option that has a list of values: blocked, on time and p99 against loss, round trip, flows, interval
//! or rate.

use maud::{Markup, html};

use super::{
    Chart, Keys, WIDTH,
    axis::{Area, Px, Tick},
    legend::{Entry, legend},
    scale::Scale,
    series::{mark, marker, shape, stroke, whisker},
};
use crate::report::{
    group::{Group, groups},
    model::{Cell, Ratio, ResultFile},
    numbers,
    spread::{Spread, seeds},
};

/// An option that may have a list of values.
struct Axis {
    name: &'static str,
    read: fn(&Cell) -> Option<f64>,
    show: fn(f64) -> String,
}

fn time(ns: f64) -> String {
    numbers::instant(ns)
}

const AXES: [Axis; 5] = [
    Axis {
        name: "loss to the server",
        // No ratio and no text means no loss. A burst model has a text but no ratio, so it has no place on the axis.
        read: |cell| {
            let link = &cell.link.as_ref()?.to_server;
            link.ratio("loss_ratio").or_else(|| link.text("loss").is_none().then_some(0.0))
        },
        show: numbers::percent,
    },
    Axis {
        name: "round trip of the link",
        read: |cell| {
            let link = cell.link.as_ref()?;
            let delay = |way: &crate::link::LinkSettings| way.count("delay_ns");
            Some((delay(&link.to_server)? + delay(&link.to_client)?) as f64)
        },
        show: time,
    },
    Axis { name: "flows", read: |cell| Some(cell.workload.flows as f64), show: |n| n.to_string() },
    Axis {
        name: "interval between messages",
        read: |cell| cell.workload.interval_ns.map(|ns| ns as f64),
        show: time,
    },
    Axis {
        name: "rate to the server",
        read: |cell| Some(cell.link.as_ref()?.to_server.count("rate_bps")? as f64),
        show: |bps| numbers::rate(libm::round(bps) as u64),
    },
];

/// A panel: a figure with its interval, and the closed-form prediction.
struct Panel {
    name: &'static str,
    read: fn(&Cell) -> Option<Spread>,
    theory: fn(&Cell) -> Option<f64>,
    show: fn(f64) -> String,
}

const PANELS: [Panel; 3] = [
    Panel {
        name: "blocked",
        read: |cell| {
            Some(seeds(cell.hol.as_ref()?.blocked_ratio?.get(), &cell.per_seed, |seed| seed.blocked_ratio))
        },
        theory: |cell| Some(cell.theory.as_ref()?.blocked_ratio?.get()),
        show: numbers::percent,
    },
    Panel {
        name: "p99 of the latency",
        read: |cell| {
            let latency = cell.latency_ns.as_ref()?;
            let ci95 = latency.ci95.p99.map(|ends| ends.map(|ns| ns as f64));
            Some(Spread { value: latency.summary.p99? as f64, ci95 })
        },
        theory: |_| None,
        show: time,
    },
    Panel {
        name: "on time",
        read: |cell| Some(Spread { value: cell.on_time_ratio?.get(), ci95: None }),
        theory: |_| None,
        show: numbers::percent,
    },
];

/// A chart for each option that varies.
pub(super) fn charts(file: &ResultFile, keys: &Keys) -> Vec<Chart> {
    let groups = groups(file);
    AXES.iter().flat_map(|axis| of_axis(axis, &groups, keys)).collect()
}

/// A chart for each combination of the other options.
fn of_axis(axis: &Axis, groups: &[Group<'_>], keys: &Keys) -> Vec<Chart> {
    const MOST: usize = 6;
    let others = |cell: &Cell| {
        let others = AXES.iter().filter(|other| other.name != axis.name);
        let mut parts: Vec<String> = others
            .filter_map(|other| Some(format!("{} {}", other.name, (other.show)((other.read)(cell)?))))
            .collect();
        parts.insert(0, format!("path {}", cell.path));
        parts
    };
    let mut facets: Vec<(Vec<String>, Vec<&Group<'_>>)> = Vec::new();
    for group in groups {
        let key = others(group.cells[0]);
        match facets.iter_mut().find(|(known, _)| *known == key) {
            Some((_, groups)) => groups.push(group),
            None => facets.push((key, vec![group])),
        }
    }
    // The title leaves out what all facets share.
    let differs = |part: &String| facets.iter().any(|(key, _)| !key.contains(part));
    let facet = |(key, groups): &(Vec<String>, Vec<&Group<'_>>)| {
        let told: Vec<&str> = key.iter().filter(|part| differs(part)).map(String::as_str).collect();
        chart(axis, &told.join(", "), groups, keys)
    };
    facets.iter().filter_map(facet).take(MOST).collect()
}

/// A curve: a label, and its cells by the value that was varied.
struct Curve<'a> {
    label: &'a str,
    look: usize,
    cells: Vec<(f64, &'a Cell)>,
}

fn chart(axis: &Axis, facet: &str, groups: &[&Group<'_>], keys: &Keys) -> Option<Chart> {
    let mut curves: Vec<Curve<'_>> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    for group in groups {
        let Some(value) = (axis.read)(group.cells[0]) else { continue };
        values.push(value);
        for (cell, label) in group.rows() {
            match curves.iter_mut().find(|curve| curve.label == label) {
                Some(curve) => curve.cells.push((value, cell)),
                None => curves.push(Curve { label, look: keys.look(label), cells: vec![(value, cell)] }),
            }
        }
    }
    values.sort_by(f64::total_cmp);
    values.dedup();
    if values.len() < 2 {
        return None;
    }
    curves.iter_mut().for_each(|curve| curve.cells.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let panels: Vec<&Panel> = PANELS
        .iter()
        .filter(|panel| {
            curves.iter().flat_map(|curve| &curve.cells).any(|(_, cell)| (panel.read)(cell).is_some())
        })
        .collect();
    if panels.is_empty() {
        return None;
    }
    let (key, height) = legend(&entries(&curves), 10.0, 0.0);
    let mut bottom = height;
    let mut drawn = Vec::new();
    for panel in &panels {
        let area = Area { left: 72.0, right: WIDTH - 30.0, top: bottom + 36.0, bottom: bottom + 190.0 };
        drawn.push(draw(panel, axis, &area, &values, &curves));
        bottom = area.bottom + 44.0;
    }
    let of = if facet.is_empty() { String::new() } else { format!(" ({facet})") };
    Some(Chart {
        name: "curve",
        title: format!("Against the {}{of}", axis.name),
        row: None,
        caption: "Vertical lines are 95% confidence intervals.",
        summary: summary(axis, &panels, &curves),
        height: bottom,
        body: html! { (key) @for panel in drawn { (panel) } },
    })
}

fn entries(curves: &[Curve<'_>]) -> Vec<Entry> {
    let of = |curve: &Curve<'_>| Entry {
        sign: |entry, x, y| {
            html! {
                line class=(stroke(entry.look)) x1=(Px(x - 14.0)) x2=(Px(x + 14.0)) y1=(Px(y)) y2=(Px(y)) {}
                path class=(mark(entry.look)) d=(shape(entry.look, x, y)) {}
            }
        },
        look: curve.look,
        name: curve.label.to_owned(),
        toggles: Some(format!("l{}", curve.look)),
    };
    let mut entries: Vec<Entry> = curves.iter().map(of).collect();
    let expected = |curve: &Curve<'_>| curve.cells.iter().filter(|(_, cell)| cell.theory.is_some()).count();
    if curves.iter().any(|curve| expected(curve) > 1) {
        entries.push(Entry {
            sign: |_, x, y| html! { line class="theory" x1=(Px(x - 14.0)) x2=(Px(x + 14.0)) y1=(Px(y)) y2=(Px(y)) {} },
            look: 0,
            name: "closed form".to_owned(),
            toggles: Some("theory".to_owned()),
        });
    }
    entries
}

fn draw(panel: &Panel, axis: &Axis, area: &Area, values: &[f64], curves: &[Curve<'_>]) -> Markup {
    let (low, high) = (values[0], values[values.len() - 1]);
    // Wide ranges without zero are easier to read on a logarithmic scale.
    let x = if low > 0.0 && high / low > 5.0 {
        Scale::log([low, high], area.x())
    } else {
        Scale::linear([low, high], area.x())
    };
    let spreads = || curves.iter().flat_map(|curve| &curve.cells).filter_map(|(_, cell)| (panel.read)(cell));
    let most = spreads().map(|spread| spread.ci95.map_or(spread.value, |[_, high]| high.max(spread.value)));
    let y = Scale::linear([0.0, most.fold(0.0, f64::max)], area.y());
    let mut x_ticks: Vec<Tick> = Vec::new();
    for value in values {
        let (at, text) = (x.at(*value), (axis.show)(*value));
        // A value too close to the last label gets none.
        if x_ticks.last().is_none_or(|(last, _)| at - last > text.len() as f64 * 8.0 + 6.0) {
            x_ticks.push((at, text));
        }
    }
    let y_ticks: Vec<Tick> = y.ticks(4).into_iter().map(|value| (y.at(value), (panel.show)(value))).collect();
    html! {
        (area.x_axis(axis.name, &x_ticks))
        (area.y_axis(panel.name, &y_ticks))
        @for curve in curves { (line(panel, axis, curve, &x, &y)) }
    }
}

fn line(panel: &Panel, axis: &Axis, curve: &Curve<'_>, x: &Scale, y: &Scale) -> Markup {
    let points: Vec<(f64, Spread)> =
        curve.cells.iter().filter_map(|(value, cell)| Some((*value, (panel.read)(cell)?))).collect();
    let theory: Vec<(f64, f64)> =
        curve.cells.iter().filter_map(|(value, cell)| Some((*value, (panel.theory)(cell)?))).collect();
    let path = |points: &mut dyn Iterator<Item = (f64, f64)>| {
        let places: Vec<String> =
            points.map(|(value, figure)| format!("{} {}", Px(x.at(value)), Px(y.at(figure)))).collect();
        format!("M{}", places.join("L"))
    };
    let title = |value: f64, spread: &Spread| {
        let ci95 = spread.ci95.map_or_else(String::new, |[low, high]| {
            format!(" (95%: {} to {})", (panel.show)(low), (panel.show)(high))
        });
        format!(
            "{}, {}: {} {}{ci95}",
            curve.label,
            (axis.show)(value),
            panel.name,
            (panel.show)(spread.value)
        )
    };
    html! {
        g class={ "curve l" (curve.look) } data-label=(curve.label) data-panel=(panel.name) {
            @if !points.is_empty() {
                path class=(stroke(curve.look)) d=(path(&mut points.iter().map(|(value, spread)| (*value, spread.value)))) {}
            }
            @if theory.len() > 1 { path class="theory" d=(path(&mut theory.iter().copied())) {} }
            @for (value, spread) in &points {
                @if let Some([low, high]) = spread.ci95 {
                    line class=(whisker(curve.look)) x1=(Px(x.at(*value))) x2=(Px(x.at(*value))) y1=(Px(y.at(low))) y2=(Px(y.at(high))) {}
                }
                g data-x=(value) data-y=(Ratio::new(spread.value).map_or(0.0, Ratio::get)) {
                    (marker(curve.look, x.at(*value), y.at(spread.value), &title(*value, spread)))
                }
            }
        }
    }
}

fn summary(axis: &Axis, panels: &[&Panel], curves: &[Curve<'_>]) -> String {
    let of = |curve: &Curve<'_>| {
        let ends = [curve.cells.first(), curve.cells.last()];
        let figures = panels.iter().filter_map(|panel| {
            let of = |end: Option<&(f64, &Cell)>| Some((panel.show)((panel.read)(end?.1)?.value));
            Some(format!("{} {} to {}", panel.name, of(ends[0])?, of(ends[1])?))
        });
        format!("{}: {}", curve.label, figures.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = curves.iter().map(of).collect();
    format!("From the smallest to the largest {}. {}.", axis.name, all.join("; "))
}
