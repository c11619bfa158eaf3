//! The options that differ between the links and workloads of a list.

use super::{
    group::Group,
    model::{Cell, Link, Workload},
    numbers, words,
};
use crate::link::{LinkSettings, PROPERTIES, Property, Setting};

/// An option with several values.
pub(super) struct Axis {
    /// Its name, such as `loss`.
    pub(super) name: String,
    /// Its value for each group, and the position on an axis: the value as a number, or its index in the list if not
    /// all values are numbers.
    pub(super) values: Vec<(String, f64)>,
}

/// The options that differ between groups, the links' first.
pub(super) fn axes(groups: &[Group<'_>]) -> Vec<Axis> {
    let mut axes: Vec<Axis> = of_link(groups);
    axes.extend(WORKLOAD.iter().filter_map(|(name, read)| {
        axis(groups, name, |cell| {
            let (value, show) = read(&cell.workload)?;
            Some((show(value), Some(value as f64)))
        })
    }));
    if axes.is_empty() {
        // By default the deadline follows from the round trip, so it counts only if nothing else differs.
        let deadline =
            |cell: &Cell| cell.workload.deadline_ns.map(|ns| (numbers::setting(ns), Some(ns as f64)));
        axes.extend(axis(groups, "deadline", deadline));
    }
    axes
}

/// The groups by their values of all axes but `x`: the other values in words, and the indices of the groups with them.
pub(super) fn combinations(axes: &[Axis], x: usize) -> Vec<(Vec<String>, Vec<usize>)> {
    let mut all: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for index in 0..axes[x].values.len() {
        let others = axes.iter().enumerate().filter(|(other, _)| *other != x);
        let others: Vec<String> =
            others.map(|(_, axis)| format!("{} {}", axis.name, axis.values[index].0)).collect();
        match all.iter_mut().find(|(known, _)| *known == others) {
            Some((_, groups)) => groups.push(index),
            None => all.push((others, vec![index])),
        }
    }
    all
}

/// A value and its formatter.
type Shown = (u64, fn(u64) -> String);

/// Reads an option of a workload.
type Read = fn(&Workload) -> Option<Shown>;

const WORKLOAD: [(&str, Read); 3] = [
    ("flows", |workload| Some((workload.flows, numbers::count))),
    ("interval", |workload| Some((workload.interval_ns?, numbers::setting))),
    ("length", |workload| Some((workload.length_bytes?, numbers::count))),
];

fn of_link(groups: &[Group<'_>]) -> Vec<Axis> {
    let delay = |cell: &Cell| {
        let Link { to_server, to_client } = cell.link.as_ref()?;
        let delay = |way: &LinkSettings| way.count("delay_ns").unwrap_or(0);
        let sum = delay(to_server).saturating_add(delay(to_client));
        Some((numbers::setting(sum), Some(sum as f64)))
    };
    let properties = PROPERTIES.iter().filter(|property| property.key() != "delay").filter_map(|property| {
        let to_server = |cell: &Cell| Some(value(property, &cell.link.as_ref()?.to_server));
        let to_client = |cell: &Cell| Some(value(property, &cell.link.as_ref()?.to_client));
        let key = property.key();
        axis(groups, key, to_server).or_else(|| axis(groups, &format!("{key} to client"), to_client))
    });
    axis(groups, "round trip", delay).into_iter().chain(properties).collect()
}

/// The value of a property as text, and as a number if it is one.
fn value(property: &Property, settings: &LinkSettings) -> (String, Option<f64>) {
    let columns = property.columns();
    let number = columns.iter().find_map(|column| settings.ratio(column.name));
    let Some(at) = columns.iter().position(|column| *settings.get(column.name) != Setting::Off) else {
        return match property.key() {
            "loss" => ("0%".to_owned(), Some(0.0)),
            "aqm" => ("droptail".to_owned(), None),
            // No limit is not a number.
            "rate" | "queue" => ("none".to_owned(), None),
            _ => ("none".to_owned(), Some(0.0)),
        };
    };
    let name = columns[at].name;
    let mut text = match settings.get(name) {
        Setting::Count(ns) if name.ends_with("_ns") => numbers::setting(*ns),
        Setting::Count(bps) if name.ends_with("_bps") => numbers::rate(*bps),
        Setting::Count(n) if name.ends_with("_packets") => numbers::plural(*n, "packet"),
        Setting::Count(n) if name.ends_with("_bytes") => numbers::plural(*n, "byte"),
        Setting::Share(share) => numbers::percent(*share),
        other => words::plain(&other.to_string()),
    };
    // Further settings in words, such as the distribution of the jitter.
    for more in columns[at + 1..].iter().filter_map(|column| settings.text(column.name)) {
        text = format!("{text} {}", words::plain(more));
    }
    (text, number)
}

/// The axis of a value; `None` if all groups have the same one.
fn axis(
    groups: &[Group<'_>],
    name: &str,
    read: impl Fn(&Cell) -> Option<(String, Option<f64>)>,
) -> Option<Axis> {
    let values: Vec<_> = groups.iter().map(|group| read(group.cells[0])).collect::<Option<_>>()?;
    if values.iter().all(|value| value.0 == values[0].0) {
        return None;
    }
    let mut places: Vec<&str> = Vec::new();
    for (text, _) in &values {
        if !places.contains(&text.as_str()) {
            places.push(text);
        }
    }
    let place = |text: &str| places.iter().position(|known| *known == text).unwrap_or(0) as f64;
    let numbers: Option<Vec<f64>> = values.iter().map(|(_, number)| *number).collect();
    let positions = numbers.unwrap_or_else(|| values.iter().map(|(text, _)| place(text)).collect());
    let values = values.iter().map(|(text, _)| text.clone()).zip(positions).collect();
    Some(Axis { name: name.to_owned(), values })
}
