//! What an attacker on the link did, and what reached the application.

use super::{
    group::Group,
    model::{Cell, Messages, WireDirection},
    numbers,
};

/// A sentence for each transport whose link had an attacker: what the attacker did to its packets, and what the
/// transport let through.
pub(super) fn tampering(group: &Group<'_>) -> Vec<String> {
    group.rows().filter_map(|(cell, label)| of_row(cell, label)).collect()
}

fn of_row(cell: &Cell, label: &str) -> Option<String> {
    let (wire, messages) = (cell.wire.as_ref()?, cell.messages.as_ref()?);
    let sum = |count: fn(&WireDirection) -> u64| -> u64 {
        wire.to_server.iter().chain(&wire.to_client).map(count).sum()
    };
    let [changed, replayed, forged] =
        [sum(|way| way.corrupted), sum(|way| way.replayed), sum(|way| way.injected)];
    if replayed + forged == 0 {
        return None;
    }
    let done = format!(
        "{} packets were changed, {} replayed and {} forged",
        numbers::count(changed),
        numbers::count(replayed),
        numbers::count(forged)
    );
    Some(format!("{label}: {done}; {}", outcome(messages, cell.path == "netns")))
}

/// What reached the application.
fn outcome(messages: &Messages, by_kernel: bool) -> String {
    let (changed, again) = (messages.corrupted.unwrap_or(0), messages.duplicated.unwrap_or(0));
    let is_known = messages.corrupted.is_some() && messages.duplicated.is_some();
    let mut parts = Vec::new();
    if changed > 0 {
        // The kernel's checksum finds flipped bits before the application does.
        let reached = if by_kernel { "arrived" } else { "reached the application" };
        parts.push(format!("{} {reached} with other bytes", numbers::plural(changed, "message")));
    }
    if again > 0 {
        let replies = if again == 1 { "reply" } else { "replies" };
        parts.push(format!("{} {replies} came again", numbers::count(again)));
    }
    if messages.unfinished > 0 {
        let unfinished = numbers::plural(messages.unfinished, "message");
        parts.push(format!("{unfinished} had no reply when the wait ended"));
    }
    if !is_known {
        parts.push("whether any of these packets reached the application is not known".to_owned());
    } else if parts.is_empty() {
        parts.push("nothing of it reached the application".to_owned());
    }
    if let Some(rejected) = messages.rejected {
        let were = if rejected == 1 { "was" } else { "were" };
        parts.push(format!("{} {were} rejected", numbers::plural(rejected, "datagram")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_reply_is_not_said_to_be_lost() {
        let counts =
            Messages { corrupted: Some(2), duplicated: Some(0), unfinished: 3, ..Messages::default() };
        assert_eq!(
            outcome(&counts, false),
            "2 messages reached the application with other bytes, 3 messages had no reply when the wait ended"
        );
    }
}
