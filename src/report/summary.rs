//! The summary of a list of links or workloads: one table of all points, and curves.

use super::{
    axis::{Axis, axes, combinations},
    block::{Column, Curve, Line, Table, Topic},
    columns::{self, Read},
    figure::Figure,
    group::Group,
    model::{Cell, Ratio},
    words,
};

/// Groups of one path, and the options in which they differ.
pub(super) struct Points<'g, 'a> {
    groups: &'g [Group<'a>],
    axes: Vec<Axis>,
}

/// The points of a list; `None` if there is only one group or no option differs.
pub(super) fn points<'g, 'a>(groups: &'g [Group<'a>]) -> Option<Points<'g, 'a>> {
    let axes = axes(groups);
    (groups.len() > 1 && !axes.is_empty()).then_some(Points { groups, axes })
}

/// The columns of the table: their titles and topics.
const COLUMNS: [(&str, Topic); 37] = [
    ("failed loads", Topic::Outcome),
    ("first byte", Topic::Latency),
    ("complete p50", Topic::Latency),
    ("complete p90", Topic::Latency),
    ("stale", Topic::Outcome),
    ("age mean", Topic::Latency),
    ("age p99", Topic::Latency),
    ("shown", Topic::Outcome),
    ("freezes", Topic::Order),
    ("longest freeze", Topic::Order),
    ("ready p99", Topic::Latency),
    ("on time", Topic::Outcome),
    ("lost", Topic::Outcome),
    ("unfinished", Topic::Outcome),
    ("unknown", Topic::Outcome),
    ("blocked", Topic::Order),
    ("p50", Topic::Latency),
    ("p99", Topic::Latency),
    ("idle p50", Topic::Latency),
    ("background up", Topic::Duration),
    ("background down", Topic::Duration),
    ("completed", Topic::Duration),
    ("arrived", Topic::Duration),
    ("time", Topic::Duration),
    ("goodput", Topic::Duration),
    ("fairness", Topic::Duration),
    ("utilisation", Topic::Duration),
    ("queue p95", Topic::Latency),
    ("first reply", Topic::Duration),
    ("round trips", Topic::Duration),
    ("resent", Topic::Cost),
    ("p99", Topic::Replies),
    ("1 s or more", Topic::Replies),
    ("failed", Topic::Replies),
    ("gap", Topic::Migration),
    ("lost in it", Topic::Migration),
    ("new connections", Topic::Migration),
];

impl Points<'_, '_> {
    /// The options that differ, with their values.
    pub(super) fn heading(&self) -> String {
        let of = |axis: &Axis| {
            let mut values: Vec<String> = Vec::new();
            for (value, _) in &axis.values {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
            format!("{} {}", axis.name, values.join(", "))
        };
        let axes: Vec<String> = self.axes.iter().map(of).collect();
        let path = words::plain(&self.groups[0].cells[0].path);
        format!("{path}: {} points over {}", self.groups.len(), axes.join("; "))
    }

    /// The first point, from which the others differ.
    pub(super) fn description(&self) -> String {
        let first = &self.groups[0];
        let cell = first.cells[0];
        let link = words::link(cell.link.as_ref(), cell.judges_messages());
        format!("The first: {link}; {}", first.description())
    }

    /// The rows of all points, grouped by transport.
    pub(super) fn rows(&self) -> Vec<(usize, &Cell, &str)> {
        let mut labels: Vec<&str> = Vec::new();
        for label in self.groups.iter().flat_map(|group| &group.labels) {
            if !labels.contains(&label.as_str()) {
                labels.push(label);
            }
        }
        let mut rows = Vec::new();
        for label in labels {
            for (point, group) in self.groups.iter().enumerate() {
                let own = group.rows().filter(|(_, other)| other.as_str() == label);
                rows.extend(own.map(|(cell, _)| (point, cell, label)));
            }
        }
        rows
    }

    /// For each label, what `say` returns for its rows, with where they are: `30 ms at loss 0%; 70 ms at loss 1%`.
    pub(super) fn said(&self, say: impl Fn(&Cell) -> Option<String>) -> Vec<(String, String)> {
        let at = |(point, cell, label): (usize, &Cell, &str)| {
            Some((label.to_owned(), format!("{} at {}", say(cell)?, self.values(point))))
        };
        let said: Vec<(String, String)> = self.rows().into_iter().filter_map(at).collect();
        let of_label = |rows: &[(String, String)]| {
            let rows_said: Vec<&str> = rows.iter().map(|(_, said)| said.as_str()).collect();
            (rows[0].0.clone(), rows_said.join("; "))
        };
        said.chunk_by(|a, b| a.0 == b.0).map(of_label).collect()
    }

    /// The name of a row of the table.
    pub(super) fn label(&self, point: usize, label: &str) -> String {
        format!("{label}, {}", self.values(point))
    }

    /// The options of a point in words.
    pub(super) fn values(&self, point: usize) -> String {
        let values = self.axes.iter().map(|axis| format!("{} {}", axis.name, axis.values[point].0));
        values.collect::<Vec<_>>().join(", ")
    }

    /// The options that differ.
    pub(super) fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many points there are.
    pub(super) fn count(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn table(&self) -> Table {
        let rows = self.rows();
        let labels = rows.iter().map(|(point, _, label)| self.label(*point, label)).collect();
        let chosen = columns::all()
            .chain(&columns::BACKGROUND)
            .filter(|(title, topic, _)| COLUMNS.contains(&(*title, *topic)));
        let column = |&(title, topic, read): &columns::Spec| {
            let figures: Vec<Option<Figure>> = rows.iter().map(|(_, cell, _)| read(cell)).collect();
            let is_zero = |figure: &Figure| matches!(figure, Figure::Share(share) if share.get() == 0.0);
            let is_of_units = rows.iter().any(|(_, cell, _)| !cell.judges_messages());
            let is_empty =
                figures.iter().all(Option::is_none) || is_of_units && columns::is_of_messages(title, topic);
            let is_usual = columns::EXCEPTIONAL.contains(&title) && figures.iter().flatten().all(is_zero);
            (!is_empty && !is_usual).then_some(Column { title, topic, figures })
        };
        let points = rows.iter().map(|(point, _, label)| (*point, (*label).to_owned())).collect();
        Table { title: None, labels, columns: chosen.filter_map(column).collect(), points: Some(points) }
    }

    /// A curve over the option with the most values, for each combination of the others.
    pub(super) fn curves(&self, command: &str) -> Vec<Curve> {
        let Some(first) = self.groups.iter().flat_map(|group| &group.cells).next() else { return Vec::new() };
        let Some((title, read)) = shown(command, first) else { return Vec::new() };
        let count = |axis: &Axis| {
            let mut values: Vec<&str> = axis.values.iter().map(|(value, _)| value.as_str()).collect();
            values.sort_unstable();
            values.dedup();
            values.len()
        };
        let most = self.axes.iter().map(count).max().unwrap_or(0);
        let Some(x) = self.axes.iter().position(|axis| count(axis) == most) else { return Vec::new() };
        combinations(&self.axes, x)
            .into_iter()
            .filter(|(_, points)| points.len() > 2)
            .take(MAX_CURVES)
            .map(|(others, points)| {
                let over = [vec![format!("{title} by {}", self.axes[x].name)], others].concat();
                self.curve(over.join(", "), x, &points, read)
            })
            .collect()
    }

    fn curve(&self, title: String, x: usize, points: &[usize], read: Read) -> Curve {
        let mut points = points.to_vec();
        points.sort_by(|a, b| self.axes[x].values[*a].1.total_cmp(&self.axes[x].values[*b].1));
        let mut lines: Vec<Line> = Vec::new();
        for (index, &point) in points.iter().enumerate() {
            for (cell, label) in self.groups[point].rows() {
                let known = lines.iter().position(|line| line.label == *label).unwrap_or_else(|| {
                    lines.push(Line { label: label.clone(), figures: vec![None; points.len()] });
                    lines.len() - 1
                });
                lines[known].figures[index] = read(cell);
            }
        }
        let values = points.iter().map(|&point| self.axes[x].values[point].clone()).collect();
        Curve { title, values, lines }
    }
}

/// Nobody looks at more curves than this in a terminal.
const MAX_CURVES: usize = 4;

/// The figure that a command's curves show.
fn shown(command: &str, first: &Cell) -> Option<(&'static str, Read)> {
    match command {
        "bench" | "hol" if first.migration.is_some() => {
            Some(("gap", |cell| cell.migration.as_ref()?.gap_ns.p50.map(Figure::Time)))
        }
        "bench" | "hol" if first.game.is_some() => {
            Some(("mean age of the state", |cell| cell.game.as_ref()?.both.mean_ns.map(Figure::Time)))
        }
        "bench" if first.page.is_some() => Some(("median time to the complete page", |cell| {
            cell.page.as_ref()?.complete_ns.p50.map(Figure::Time)
        })),
        "bench" | "hol" if first.video.is_some() => Some(("frames not shown", |cell| {
            let video = cell.video.as_ref()?;
            Ratio::of(video.frames - video.shown.min(video.frames), video.frames).map(Figure::Share)
        })),
        "hol" => Some(("blocked", |cell| cell.hol.as_ref()?.blocked_ratio.map(Figure::Share))),
        "bench" => {
            Some(("lost or late", |cell| Ratio::new(1.0 - cell.on_time_ratio?.get()).map(Figure::Share)))
        }
        "handshake" => Some(("p99 of the first reply", |cell| {
            cell.handshake.as_ref()?.first_reply_ns?.p99.map(Figure::Time)
        })),
        "share" => {
            Some(("fairness", |cell| cell.share.as_ref()?.jain_index.map(|jain| Figure::Mean(jain.get(), 2))))
        }
        "transfer" => {
            Some(("goodput", |cell| cell.transfer.as_ref()?.goodput_bps.p50.map(Figure::Throughput)))
        }
        _ => None,
    }
}
