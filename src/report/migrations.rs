//! What a change of the client's address did to each row.

use super::{
    group::Group,
    model::{Cell, Migration},
    numbers,
};

/// For each row whose client's address changed: whether the connection went on, and what it cost.
pub(super) fn migrations(group: &Group<'_>) -> Vec<String> {
    group.rows().filter_map(|(cell, label)| sentence(cell, label)).collect()
}

fn sentence(cell: &Cell, label: &str) -> Option<String> {
    let migration = cell.migration.as_ref()?;
    let Migration { gap_ns, lost, resent_bytes, .. } = migration;
    let Some(gap) = gap_ns.p50 else {
        return Some(format!("{label}: no message came back after the client's address had changed"));
    };
    let how = how(migration);
    let nothing = if cell.judges_messages() { "no reply" } else { "nothing arrived" };
    let mut parts = vec![format!("{nothing} for {}", numbers::time(gap))];
    parts.extend(
        migration
            .round_trips
            .map(|trips| format!("as fast as before after {} round trips", numbers::mean(trips.get(), 1))),
    );
    parts.extend((*lost > 0).then(|| format!("{} lost", numbers::plural(*lost, "message"))));
    parts.extend(
        (*resent_bytes > 0)
            .then(|| format!("{} of messages sent again", numbers::plural(*resent_bytes, "byte"))),
    );
    parts.extend(migration.unvalidated_ratio.map(|factor| {
        let verdict = match migration.within_limit {
            Some(false) => "more than three",
            _ => "at most three",
        };
        format!(
            "to the new address, before that could have been validated, {} bytes for each that \
             came from there: {verdict}",
            numbers::mean(factor.get(), 2)
        )
    }));
    Some(format!("{label} {how}: {}", parts.join("; ")))
}

/// Whether the connection went on. A client that hears nothing cannot know whether it is broken.
fn how(migration: &Migration) -> String {
    let Migration { connections, connections_after_silence: silent, .. } = *migration;
    let what = match (connections, silent) {
        (0, _) => return "went on from the new address".to_owned(),
        (_, 0) => "broke",
        _ if silent == connections => "was silent",
        _ => "broke or was silent",
    };
    match connections {
        1 => format!("{what}, and the client connected again once"),
        n => format!("{what}, and the clients connected again {} times", numbers::count(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_called_broken_only_if_it_failed() {
        let said = |connections, connections_after_silence| {
            how(&Migration { connections, connections_after_silence, ..Migration::default() })
        };
        assert_eq!(said(0, 0), "went on from the new address");
        assert_eq!(said(1, 0), "broke, and the client connected again once");
        assert_eq!(said(1, 1), "was silent, and the client connected again once");
        assert_eq!(said(5, 5), "was silent, and the clients connected again 5 times");
        assert_eq!(said(5, 2), "broke or was silent, and the clients connected again 5 times");
    }
}
