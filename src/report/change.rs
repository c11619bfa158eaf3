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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{Link, Migration, Workload};

    #[test]
    fn the_change_is_described_with_the_other_network() {
        let mut cell = Cell::new("udp", "sim", None, Workload::default());
        let described = |cell: &mut Cell, migration: Migration| {
            cell.migration = Some(migration);
            change(cell).unwrap()
        };
        let new = Migration { at_ns: 5_000_000_000, changed: "ip".to_owned(), ..Default::default() };
        assert_eq!(described(&mut cell, new.clone()), "new IP address after 5 s");
        let way = || crate::link::LinkSettings::of(&"delay=40ms,rate=5mbit".parse().unwrap());
        let after = Link { to_server: way(), to_client: way() };
        let handover = Migration { outage_ns: Some(300_000_000), after: Some(after), ..new };
        assert_eq!(
            described(&mut cell, handover),
            "no network after 5 s for 300 ms, then another: 80 ms round trip, no loss, 5 Mbit/s"
        );
    }
}
