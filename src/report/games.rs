//! The age of the state of a game, in sentences.

use super::{
    group::Group,
    model::{Age, Cell},
    numbers,
};

/// A sentence for each row of a group.
pub(super) fn games(group: &Group<'_>) -> Vec<String> {
    let known = group.rows().filter_map(|(cell, label)| sentence(&cell.game.as_ref()?.both, cell, label));
    known.collect()
}

fn sentence(age: &Age, cell: &Cell, label: &str) -> Option<String> {
    let stale =
        age.stale_ratio.zip(cell.workload.deadline_ns).map_or_else(String::new, |(stale, deadline)| {
            format!(
                ", and older than {} for {} of the time",
                numbers::setting(deadline),
                numbers::share(stale)
            )
        });
    Some(format!(
        "with {label} the newest known state was {} old on average{stale}",
        numbers::time(age.mean_ns?)
    ))
}
