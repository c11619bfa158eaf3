//! Curves over an option that has a list of values: blocked, p99, on time, goodput and first replies against it.

use maud::{Markup, html};

use super::{
    Chart, Keys, WIDTH,
    axis::{Area, Px, Tick},
    legend::{Entry, legend},
    scale::Scale,
    series::{mark, marker, shape, stroke, whisker},
};
use crate::report::{
    axis::{Axis, axes, combinations},
    group::{Group, groups, lists},
    model::{Cell, Ratio, ResultFile},
    numbers,
    spread::{Spread, seeds},
};

fn time(ns: f64) -> String {
    numbers::instant(ns)
}

/// The most values with intervals. Those of more would cover each other, and take long to compute.
const MOST_INTERVALS: usize = 60;

/// A panel: a figure with its interval, and the closed-form prediction.
struct Panel {
    name: &'static str,
    /// Reads the figure, with its interval if that is wanted.
    read: fn(&Cell, bool) -> Option<Spread>,
    theory: fn(&Cell) -> Option<f64>,
    show: fn(f64) -> String,
}

/// The cell, if its messages are judged one by one.
fn messages(cell: &Cell) -> Option<&Cell> {
    cell.judges_messages().then_some(cell)
}

const PANELS: [Panel; 9] = [
    Panel {
        name: "page complete (median)",
        read: |cell, _| {
            let value = cell.page.as_ref()?.complete_ns.p50? as f64;
            Some(Spread { value, ci95: None })
        },
        theory: |_| None,
        show: time,
    },
    Panel {
        name: "mean age of the state",
        read: |cell, _| {
            let value = cell.game.as_ref()?.both.mean_ns? as f64;
            Some(Spread { value, ci95: None })
        },
        theory: |_| None,
        show: time,
    },
    Panel {
        name: "frames shown",
        read: |cell, _| {
            let video = cell.video.as_ref()?;
            Some(Spread { value: Ratio::of(video.shown, video.frames)?.get(), ci95: None })
        },
        theory: |_| None,
        show: numbers::percent,
    },
    Panel {
        name: "blocked",
        read: |cell, with_interval| {
            let value = messages(cell)?.hol.as_ref()?.blocked_ratio?.get();
            Some(match with_interval {
                true => seeds(value, &cell.per_seed, |seed| seed.blocked_ratio),
                false => Spread { value, ci95: None },
            })
        },
        theory: |cell| Some(cell.theory.as_ref()?.blocked_ratio?.get()),
        show: numbers::percent,
    },
    Panel {
        name: "p99 of the latency",
        read: |cell, _| {
            let latency = messages(cell)?.latency_ns.as_ref()?;
            let ci95 = latency.ci95.p99.map(|ends| ends.map(|ns| ns as f64));
            Some(Spread { value: latency.summary.p99? as f64, ci95 })
        },
        theory: |_| None,
        show: time,
    },
    Panel {
        name: "on time",
        read: |cell, _| Some(Spread { value: messages(cell)?.on_time_ratio?.get(), ci95: None }),
        theory: |_| None,
        show: numbers::percent,
    },
    Panel {
        name: "goodput",
        read: |cell, _| {
            let goodput = &cell.transfer.as_ref()?.goodput_bps;
            Some(Spread { value: goodput.p50? as f64, ci95: None })
        },
        theory: |_| None,
        show: |bps| numbers::rate(libm::round(bps) as u64),
    },
    Panel {
        name: "fairness",
        read: |cell, _| {
            let share = cell.share.as_ref()?;
            let ci95 = share.jain_index_ci95.map(|ends| ends.map(Ratio::get));
            Some(Spread { value: share.jain_index?.get(), ci95 })
        },
        theory: |_| None,
        show: |index| numbers::mean(index, 2),
    },
    Panel {
        name: "p99 of the first reply",
        read: |cell, _| {
            let first = cell.handshake.as_ref()?.first_reply_ns?;
            Some(Spread { value: first.p99? as f64, ci95: None })
        },
        theory: |_| None,
        show: time,
    },
];

/// A chart for each option that varies.
pub(super) fn charts(file: &ResultFile, keys: &Keys) -> Vec<Chart> {
    let lists = lists(groups(file));
    let several = lists.len() > 1;
    let of_list = |groups: &Vec<Group<'_>>| {
        let axes = axes(groups);
        let path = several.then(|| format!("path {}", groups[0].cells[0].path));
        (0..axes.len()).flat_map(|x| of_axis(&axes, x, groups, path.as_ref(), keys)).collect::<Vec<_>>()
    };
    lists.iter().flat_map(of_list).collect()
}

/// A chart over the axis `x` for each combination of the other options.
fn of_axis(axes: &[Axis], x: usize, groups: &[Group<'_>], path: Option<&String>, keys: &Keys) -> Vec<Chart> {
    const MOST: usize = 6;
    let point = |index: usize| {
        let (text, at) = &axes[x].values[index];
        Point { at: *at, text, group: &groups[index] }
    };
    let of_facet = |(others, indices): (Vec<String>, Vec<usize>)| {
        let facet = path.cloned().into_iter().chain(others).collect::<Vec<_>>().join(", ");
        let points: Vec<Point<'_>> = indices.into_iter().map(point).collect();
        chart(&axes[x].name, &facet, &points, keys)
    };
    combinations(axes, x).into_iter().filter_map(of_facet).take(MOST).collect()
}

/// A group, and its value on the axis.
struct Point<'a> {
    at: f64,
    text: &'a str,
    group: &'a Group<'a>,
}

/// A curve: a label, and its cells by position on the axis.
struct Curve<'a> {
    label: &'a str,
    look: usize,
    cells: Vec<(f64, &'a str, &'a Cell)>,
}

fn chart(axis: &str, facet: &str, points: &[Point<'_>], keys: &Keys) -> Option<Chart> {
    let mut curves: Vec<Curve<'_>> = Vec::new();
    for Point { at, text, group } in points {
        for (cell, label) in group.rows() {
            let point = (*at, *text, cell);
            match curves.iter_mut().find(|curve| curve.label == label) {
                Some(curve) => curve.cells.push(point),
                None => curves.push(Curve { label, look: keys.look(label), cells: vec![point] }),
            }
        }
    }
    let mut values: Vec<(f64, &str)> = points.iter().map(|point| (point.at, point.text)).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    values.dedup();
    if values.len() < 2 {
        return None;
    }
    curves.iter_mut().for_each(|curve| curve.cells.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let panels: Vec<&Panel> = PANELS
        .iter()
        .filter(|panel| {
            curves.iter().flat_map(|curve| &curve.cells).any(|(.., cell)| (panel.read)(cell, false).is_some())
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
        title: format!("Against the {axis}{of}"),
        row: None,
        caption: "Vertical lines are 95% confidence intervals; a list of more than 60 values has none.",
        sentences: Vec::new(),
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
    let expected = |curve: &Curve<'_>| curve.cells.iter().filter(|(.., cell)| cell.theory.is_some()).count();
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

fn draw(panel: &Panel, axis: &str, area: &Area, values: &[(f64, &str)], curves: &[Curve<'_>]) -> Markup {
    let (low, high) = (values[0].0, values[values.len() - 1].0);
    // Wide ranges without zero are easier to read on a logarithmic scale.
    let x = if low > 0.0 && high / low > 5.0 {
        Scale::log([low, high], area.x())
    } else {
        Scale::linear([low, high], area.x())
    };
    let with_intervals = values.len() <= MOST_INTERVALS;
    let spreads = || {
        curves
            .iter()
            .flat_map(|curve| &curve.cells)
            .filter_map(|(.., cell)| (panel.read)(cell, with_intervals))
    };
    let most = spreads().map(|spread| spread.ci95.map_or(spread.value, |[_, high]| high.max(spread.value)));
    let y = Scale::linear([0.0, most.fold(0.0, f64::max)], area.y());
    let mut x_ticks: Vec<Tick> = Vec::new();
    for (value, text) in values {
        let (at, text) = (x.at(*value), (*text).to_owned());
        // A value too close to the last label gets none.
        if x_ticks.last().is_none_or(|(last, _)| at - last > text.len() as f64 * 8.0 + 6.0) {
            x_ticks.push((at, text));
        }
    }
    let y_ticks: Vec<Tick> = y.ticks(4).into_iter().map(|value| (y.at(value), (panel.show)(value))).collect();
    html! {
        (area.x_axis(axis, &x_ticks))
        (area.y_axis(panel.name, &y_ticks))
        @for curve in curves { (line(panel, curve, with_intervals, &x, &y)) }
    }
}

fn line(panel: &Panel, curve: &Curve<'_>, with_intervals: bool, x: &Scale, y: &Scale) -> Markup {
    let points: Vec<(f64, &str, Spread)> = curve
        .cells
        .iter()
        .filter_map(|(value, text, cell)| Some((*value, *text, (panel.read)(cell, with_intervals)?)))
        .collect();
    let theory: Vec<(f64, f64)> =
        curve.cells.iter().filter_map(|(value, _, cell)| Some((*value, (panel.theory)(cell)?))).collect();
    let path = |points: &mut dyn Iterator<Item = (f64, f64)>| {
        let places: Vec<String> =
            points.map(|(value, figure)| format!("{} {}", Px(x.at(value)), Px(y.at(figure)))).collect();
        format!("M{}", places.join("L"))
    };
    let title = |value: &str, spread: &Spread| {
        let ci95 = spread.ci95.map_or_else(String::new, |[low, high]| {
            format!(" (95%: {} to {})", (panel.show)(low), (panel.show)(high))
        });
        format!("{}, {value}: {} {}{ci95}", curve.label, panel.name, (panel.show)(spread.value))
    };
    html! {
        g class={ "curve l" (curve.look) } data-label=(curve.label) data-panel=(panel.name) {
            @if !points.is_empty() {
                path class=(stroke(curve.look)) d=(path(&mut points.iter().map(|(value, _, spread)| (*value, spread.value)))) {}
            }
            @if theory.len() > 1 { path class="theory" d=(path(&mut theory.iter().copied())) {} }
            @for (value, text, spread) in &points {
                @if let Some([low, high]) = spread.ci95 {
                    line class=(whisker(curve.look)) x1=(Px(x.at(*value))) x2=(Px(x.at(*value))) y1=(Px(y.at(low))) y2=(Px(y.at(high))) {}
                }
                g data-x=(value) data-y=(Ratio::new(spread.value).map_or(0.0, Ratio::get)) {
                    (marker(curve.look, x.at(*value), y.at(spread.value), &title(text, spread)))
                }
            }
        }
    }
}

fn summary(axis: &str, panels: &[&Panel], curves: &[Curve<'_>]) -> String {
    let of = |curve: &Curve<'_>| {
        let ends = [curve.cells.first(), curve.cells.last()];
        let figures = panels.iter().filter_map(|panel| {
            let of =
                |end: Option<&(f64, &str, &Cell)>| Some((panel.show)((panel.read)(end?.2, false)?.value));
            Some(format!("{} {} to {}", panel.name, of(ends[0])?, of(ends[1])?))
        });
        format!("{}: {}", curve.label, figures.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = curves.iter().map(of).collect();
    format!("From the first to the last {axis}. {}.", all.join("; "))
}
