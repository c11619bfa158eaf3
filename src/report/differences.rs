//! Differences between the rows of a table, in words.

use super::{
    model::{Amount, Metric, Paired},
    table::Group,
    words,
};

/// For each row that others are compared with: a heading, and a line for each of the others. Only what tables lead
/// with: the result file holds the rest.
pub(crate) fn differences(group: &Group<'_>, paired: &[Paired]) -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::<(usize, Vec<(usize, String)>)>::new();
    for paired in paired.iter().filter(|paired| is_shown(paired.metric)) {
        let (Some(a), Some(b)) = (group.row_of(paired.a), group.row_of(paired.b)) else {
            continue;
        };
        if blocks.last().is_none_or(|(other, _)| *other != b) {
            blocks.push((b, Vec::new()));
        }
        let Some((_, rows)) = blocks.last_mut() else { continue };
        let difference = difference(paired);
        match rows.last_mut() {
            Some((row, line)) if *row == a => line.push_str(&format!("; {difference}")),
            _ => rows.push((a, format!("{}: {difference}", group.labels[a]))),
        }
    }
    let heading = |row: usize| {
        format!("compared with {}, and 95% intervals from the seeds' spread:", group.labels[row])
    };
    blocks
        .into_iter()
        .map(|(row, rows)| (heading(row), rows.into_iter().map(|(_, line)| line).collect()))
        .collect()
}

const fn is_shown(metric: Metric) -> bool {
    matches!(metric, Metric::OnTimeRatio | Metric::P99Ns | Metric::BlockedRatio)
}

fn difference(paired: &Paired) -> String {
    let name = match paired.metric {
        Metric::MeanNs => "mean",
        Metric::P50Ns => "p50",
        Metric::P99Ns => "p99",
        Metric::LossRatio => "lost",
        Metric::OnTimeRatio => "on time",
        Metric::DelayedRatio => "delayed",
        Metric::BlockedRatio => "blocked",
    };
    let (seen, unit) = amount(paired.difference);
    match paired.ci95 {
        Some(ends) => {
            let [low, high] = ends.map(|end| match amount(end) {
                (value, of) if of == unit => value,
                (value, of) => format!("{value} {of}"),
            });
            format!("{name} {seen} {unit} ({low} to {high})")
        }
        None => format!("{name} {seen} {unit} (no interval)"),
    }
}

/// A difference with its sign, and its unit; shares differ by points.
fn amount(amount: Amount) -> (String, String) {
    match amount {
        Amount::Nanos(ns) => {
            let sign = if ns < 0 { '-' } else { '+' };
            let time = words::time(ns.unsigned_abs());
            let (value, unit) = time.split_once(' ').unwrap_or((&time, ""));
            (format!("{sign}{value}"), unit.to_owned())
        }
        Amount::Ratio(ratio) => (format!("{:+.2}", ratio.get() * 100.0), "points".to_owned()),
    }
}
