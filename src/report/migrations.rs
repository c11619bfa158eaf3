//! What a change of the client's address did to each row.

use super::{
    figure::Figure,
    group::Group,
    model::{Cell, Migration},
    numbers,
};

/// For each row whose client's address changed: whether the connection went on, and what it cost.
pub(super) fn migrations(group: &Group<'_>) -> Vec<String> {
    group.rows().filter_map(|(cell, label)| sentence(cell, label)).collect()
}

/// What a client misses after the change.
pub(super) fn nothing(cell: &Cell) -> &'static str {
    if cell.judges_messages() { "no reply" } else { "nothing arrived" }
}

/// A sum over seeds as a mean per change.
pub(super) fn per_change(cell: &Cell, of: fn(&Migration) -> u64, decimals: usize) -> Option<Figure> {
    let sum = of(cell.migration.as_ref()?);
    Some(match cell.seeds {
        0 | 1 => Figure::Count(sum),
        seeds => Figure::Mean(sum as f64 / seeds as f64, decimals),
    })
}

fn sentence(cell: &Cell, label: &str) -> Option<String> {
    let migration = cell.migration.as_ref()?;
    let nothing = nothing(cell);
    let how = how(cell, migration);
    let Some(gap) = migration.gap_ns.p50 else {
        return Some(format!("{label} {how}: {nothing} to anything that was due after the change"));
    };
    let median = if cell.seeds > 1 { " (median)" } else { "" };
    let mut parts = vec![format!("{nothing} for {}{median}", numbers::time(gap))];
    parts.extend(
        (migration.no_service > 0).then(|| {
            format!("{nothing} after the change at all in {}", runs(migration.no_service, cell.seeds))
        }),
    );
    parts.extend(full_speed(cell, migration));
    parts.extend(amount(cell, migration.lost, unit(cell), "lost"));
    parts.extend(amount(cell, migration.resent_bytes, "byte", "of messages sent again"));
    parts.extend(migration.unvalidated_ratio.map(|factor| {
        format!(
            "before it could validate the new address, the server sent {} bytes for each byte received from it \
             (the limit is 3)",
            numbers::mean(factor.get(), 2)
        )
    }));
    Some(format!("{label} {how}: {}", parts.join("; ")))
}

/// What a message is in the words of its application.
fn unit(cell: &Cell) -> &'static str {
    match (&cell.video, &cell.game) {
        (Some(_), _) => "packet",
        (None, Some(_)) => "update",
        (None, None) => "message",
    }
}

/// A sum over seeds of what `happened`: per run if there are several, and `None` if it is 0.
fn amount(cell: &Cell, sum: u64, one: &str, happened: &str) -> Option<String> {
    match (sum, cell.seeds) {
        (0, _) => None,
        (sum, 0 | 1) => Some(format!("{} {happened}", numbers::plural(sum, one))),
        (sum, seeds) => {
            let mean = sum as f64 / seeds as f64;
            let decimals = usize::from(mean < 1000.0);
            Some(format!("{} {one}s {happened} per run", numbers::mean(mean, decimals)))
        }
    }
}

fn full_speed(cell: &Cell, migration: &Migration) -> Option<String> {
    let trips = numbers::mean(migration.round_trips?.get(), 1);
    let like = if migration.outage_ns.is_some() { "that network allows" } else { "before" };
    let reached = migration.full_speed_ns.n;
    let in_runs =
        if reached < cell.seeds { format!(" in {}", runs(reached, cell.seeds)) } else { String::new() };
    Some(format!("as fast as {like} after {trips} round trips{in_runs}"))
}

/// So many of all runs.
pub(super) fn runs(some: u64, of: u64) -> String {
    match of {
        1 => "the run".to_owned(),
        _ => format!("{} of {} runs", numbers::count(some), numbers::count(of)),
    }
}

/// Whether the connection went on, and how often the client connected again. A client that hears nothing cannot know
/// whether its connection is broken.
fn how(cell: &Cell, migration: &Migration) -> String {
    let Migration {
        connections, connections_after_silence: silent, reconnected_seeds: seeds, survives, ..
    } = *migration;
    if connections == 0 {
        return "went on from the new address".to_owned();
    }
    let times = match (cell.seeds, connections) {
        (0 | 1, 1) => "once".to_owned(),
        (0 | 1, n) => format!("{} times", numbers::count(n)),
        // Files of older versions do not say in how many runs.
        (_, n) if seeds == 0 => numbers::plural(n, "time"),
        (all, n) if n == seeds => format!("in {}", runs(seeds, all)),
        (all, n) => format!("{} times in {}", numbers::count(n), runs(seeds, all)),
    };
    if survives == Some(true) {
        let why = if silent == connections { " after a silence" } else { "" };
        return format!("goes on from a new address, but the client connected again{why} {times}");
    }
    let what = match silent {
        0 => "broke",
        _ if silent == connections => "was silent",
        _ => "broke or was silent",
    };
    format!("{what}, and the client connected again {times}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Workload;

    fn said(survives: bool, seeds: u64, [connections, silent, reconnected_seeds]: [u64; 3]) -> String {
        let migration = Migration {
            survives: Some(survives),
            connections,
            connections_after_silence: silent,
            reconnected_seeds,
            ..Migration::default()
        };
        let cell = Cell { seeds, ..Cell::new("quic-one", "sim", None, Workload::default()) };
        how(&cell, &migration)
    }

    #[test]
    fn a_connection_is_called_broken_only_if_it_failed() {
        assert_eq!(said(false, 1, [0, 0, 0]), "went on from the new address");
        assert_eq!(said(false, 1, [1, 0, 1]), "broke, and the client connected again once");
        assert_eq!(said(false, 1, [1, 1, 1]), "was silent, and the client connected again once");
        assert_eq!(said(false, 5, [5, 5, 5]), "was silent, and the client connected again in 5 of 5 runs");
        assert_eq!(
            said(false, 5, [6, 2, 5]),
            "broke or was silent, and the client connected again 6 times in 5 of 5 runs"
        );
    }

    /// One lost connection in many runs does not make the transport one that breaks.
    #[test]
    fn a_transport_that_survives_a_new_address_is_not_called_broken() {
        assert_eq!(
            said(true, 30, [1, 1, 1]),
            "goes on from a new address, but the client connected again after a silence in 1 of 30 runs"
        );
        assert_eq!(
            said(true, 30, [30, 0, 30]),
            "goes on from a new address, but the client connected again in 30 of 30 runs"
        );
    }

    #[test]
    fn sums_are_given_per_run() {
        let mut cell = Cell::new("udp", "sim", None, Workload::default());
        let gap_ns = crate::stats::Summary { n: 30, p50: Some(60_000_000), ..Default::default() };
        cell.migration = Some(Migration { gap_ns, lost: 150, resent_bytes: 45_000, ..Default::default() });
        cell.seeds = 30;
        assert_eq!(
            sentence(&cell, "udp").unwrap(),
            "udp went on from the new address: no reply for 60.0 ms (median); 5.0 messages lost per run; 1,500 \
             bytes of messages sent again per run"
        );
        let moved = cell.migration.as_mut().unwrap();
        moved.unvalidated_ratio = crate::report::Ratio::new(1.0);
        let said = sentence(&cell, "quic-one").unwrap();
        assert!(said.ends_with("1.00 bytes for each byte received from it (the limit is 3)"), "{said}");
    }
}
