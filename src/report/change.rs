//! What a change of the client's address was.

use super::{model::Cell, numbers, words};

/// The change in words, with the link of the other network.
pub(super) fn change(cell: &Cell) -> Option<String> {
    let migration = cell.migration.as_ref()?;
    let at = numbers::setting(migration.at_ns);
    let what = match &*migration.changed {
        "ip" => "IP address",
        other => other,
    };
    Some(match (migration.outage_ns, &migration.after) {
        (None, _) | (_, None) => format!("new {} after {at}", words::plain(what)),
        (Some(outage), Some(after)) => format!(
            "no network after {at} for {}, then another: {}",
            numbers::setting(outage),
            words::link(Some(after), cell.judges_messages())
        ),
    })
}
