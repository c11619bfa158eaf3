//! What a change of the client's address did to the rows of a list.

use super::{
    migrations::{nothing, runs},
    model::Cell,
    numbers,
    summary::Points,
};

/// For each row of a list whose client's address changed: the gap at each point, and whether the client connected again.
pub(super) fn gaps(points: &Points<'_, '_>) -> Vec<String> {
    let is_median = points.rows().iter().any(|(_, cell, _)| cell.seeds > 1);
    let nothing = points.rows().first().map_or("", |(_, cell, _)| nothing(cell));
    let median = if is_median { "a median of " } else { "" };
    let of_label = |(label, gaps)| format!("{label}: {nothing} for {median}{gaps}");
    points.said(gap).into_iter().map(of_label).collect()
}

/// The gap, and what else a list tells of a change.
fn gap(cell: &Cell) -> Option<String> {
    let migration = cell.migration.as_ref()?;
    let Some(gap) = migration.gap_ns.p50 else { return Some("the rest of the run".to_owned()) };
    let mut gap = numbers::time(gap);
    if migration.no_service > 0 {
        gap += &format!(" (the rest of the run in {})", runs(migration.no_service, cell.seeds));
    }
    if migration.connections > 0 {
        gap += ", with a new connection";
    }
    Some(gap)
}
