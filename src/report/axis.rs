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
    /// Its value for each group, and the value's position on an axis.
    pub(super) values: Vec<(String, f64)>,
}

/// The options that differ between groups, the links' first.
pub(super) fn axes(groups: &[Group<'_>]) -> Vec<Axis> {
    let mut axes: Vec<Axis> = of_link(groups);
    axes.extend(WORKLOAD.iter().filter_map(|(name, read)| {
        axis(groups, name, |cell| {
            let (value, show) = read(&cell.workload)?;
            Some((show(value), value as f64))
        })
    }));
    if axes.is_empty() {
        // By default the deadline follows from the round trip, so it counts only if nothing else differs.
        let deadline = |cell: &Cell| cell.workload.deadline_ns.map(|ns| (numbers::setting(ns), ns as f64));
        axes.extend(axis(groups, "deadline", deadline));
    }
    axes
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
        let sum = to_server.count("delay_ns").unwrap_or(0) + to_client.count("delay_ns").unwrap_or(0);
        Some((numbers::setting(sum), sum as f64))
    };
    let properties = PROPERTIES.iter().filter(|property| property.key() != "delay").filter_map(|property| {
        let to_server = |cell: &Cell| Some(value(property, &cell.link.as_ref()?.to_server));
        let to_client = |cell: &Cell| Some(value(property, &cell.link.as_ref()?.to_client));
        let key = property.key();
        axis(groups, key, to_server).or_else(|| axis(groups, &format!("{key} to client"), to_client))
    });
    axis(groups, "round trip", delay).into_iter().chain(properties).collect()
}

/// The value of a property, and the first number in it.
fn value(property: &Property, settings: &LinkSettings) -> (String, f64) {
    let columns = property.columns();
    let number = columns.iter().find_map(|column| settings.ratio(column.name)).unwrap_or(0.0);
    let text = columns.first().map_or_else(String::new, |column| match settings.get(column.name) {
        Setting::Off if property.key() == "loss" => "0%".to_owned(),
        Setting::Off => "none".to_owned(),
        Setting::Count(ns) if column.name.ends_with("_ns") => numbers::setting(*ns),
        Setting::Count(bps) if column.name.ends_with("_bps") => numbers::rate(*bps),
        Setting::Share(share) => numbers::percent(*share),
        other => words::plain(&other.to_string()),
    });
    (text, number)
}

/// The axis of a value; `None` if all groups have the same one.
fn axis(groups: &[Group<'_>], name: &str, read: impl Fn(&Cell) -> Option<(String, f64)>) -> Option<Axis> {
    let values: Vec<_> = groups.iter().map(|group| read(group.cells[0])).collect::<Option<_>>()?;
    let differs = values.iter().any(|value| value.0 != values[0].0);
    differs.then(|| Axis { name: name.to_owned(), values })
}
