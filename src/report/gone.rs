//! When servers went away.

use super::{group::Group, numbers};

/// For each row whose server went away: when.
pub(super) fn gone(group: &Group<'_>) -> Vec<String> {
    let gone = group.rows().filter_map(|(cell, label)| {
        let at = numbers::time(cell.server_gone_ns?);
        Some(format!("{label}: the server's last reply came {at} after the first message"))
    });
    gone.collect()
}
