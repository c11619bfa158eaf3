//! What is missing from transfers that did not complete.

use super::{
    group::Group,
    model::{Missing, Transfer},
    numbers, words,
};

/// The gaps that are listed; there may be more.
const LISTED_GAPS: usize = 6;

/// For each row: what its first incomplete transfer lacks, and why one stopped.
pub(super) fn incomplete(group: &Group<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    for (cell, label) in group.rows() {
        let Some(transfer) = &cell.transfer else { continue };
        sentences.extend(transfer.missing.as_ref().map(|missing| format!("{label}: {}", gaps(missing))));
        sentences.extend((transfer.unknown > 0).then(|| unknown(label, transfer)));
        let stopped = transfer.stopped.as_ref();
        sentences.extend(stopped.map(|reason| format!("{label}: stopped: {}", words::plain(reason))));
    }
    sentences
}

fn unknown(label: &str, transfer: &Transfer) -> String {
    let all = numbers::plural(transfer.completed + transfer.failed, "transfer");
    format!("{label}: how much arrived is unknown for {} of {all}", transfer.unknown)
}

fn gaps(missing: &Missing) -> String {
    let listed = missing.first.iter().take(LISTED_GAPS).map(|[start, end]| format!("{start}..{end}"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let more = if missing.parts > LISTED_GAPS as u64 { ", …" } else { "" };
    let (gaps, bytes) = (numbers::plural(missing.parts, "gap"), numbers::plural(missing.bytes, "byte"));
    format!("the first incomplete transfer lacks {bytes} in {gaps}: {listed}{more}")
}
