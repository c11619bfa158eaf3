//! Which rows of a list have something in common, in words.

use super::{summary::Points, words};

/// More rows than these are counted and described, not named.
const NAMED: usize = 3;

/// The rows `own`, each a point and a label: by their names if they are few, otherwise by their labels and options.
pub(super) fn places(points: &Points<'_, '_>, own: &[(usize, &str)]) -> Vec<String> {
    if own.len() <= NAMED {
        return own.iter().map(|(point, label)| points.label(*point, label)).collect();
    }
    let rows = points.rows();
    let mut labels: Vec<&str> = rows.iter().map(|(.., label)| *label).collect();
    labels.dedup();
    // Labels that are concerned at the same points.
    let mut sets: Vec<(Vec<usize>, Vec<&str>)> = Vec::new();
    for &label in &labels {
        let at: Vec<usize> =
            own.iter().filter(|(_, other)| *other == label).map(|(point, _)| *point).collect();
        match sets.iter_mut().find(|(known, _)| *known == at) {
            _ if at.is_empty() => {}
            Some((_, alike)) => alike.push(label),
            None => sets.push((at, vec![label])),
        }
    }
    let described: Vec<String> =
        sets.iter().map(|(at, alike)| who(alike, &labels) + &place(points, at)).collect();
    vec![format!("{} of {} rows ({})", own.len(), rows.len(), described.join("; "))]
}

fn who(labels: &[&str], all: &[&str]) -> String {
    let others: Vec<&&str> = all.iter().filter(|label| !labels.contains(label)).collect();
    match &others[..] {
        [] => "all".to_owned(),
        [other] if labels.len() > 2 => format!("all but {other}"),
        _ => words::list(&labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>()),
    }
}

/// The values of the options at some points, if they are all points with these values; otherwise how many they are.
fn place(points: &Points<'_, '_>, at: &[usize]) -> String {
    let count = points.count();
    if at.len() == count {
        return String::new();
    }
    let of = |axis: &super::axis::Axis, points: &mut dyn Iterator<Item = usize>| {
        let mut values: Vec<String> = Vec::new();
        for point in points {
            if !values.contains(&axis.values[point].0) {
                values.push(axis.values[point].0.clone());
            }
        }
        values
    };
    let own: Vec<Vec<String>> = points.axes().iter().map(|axis| of(axis, &mut at.iter().copied())).collect();
    let has_these = |point: &usize| {
        points.axes().iter().zip(&own).all(|(axis, own)| own.contains(&axis.values[*point].0))
    };
    if (0..count).filter(has_these).count() != at.len() {
        return format!(" at {} of {count} points", at.len());
    }
    let options =
        points.axes().iter().zip(&own).filter(|(axis, own)| of(axis, &mut (0..count)).len() > own.len());
    let options: Vec<String> =
        options.map(|(axis, own)| format!("{} {}", axis.name, words::list(own))).collect();
    format!(", at {}", options.join(", "))
}
