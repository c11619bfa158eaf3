//! The sentence under a table: which setting dominates what is seen.

use super::{
    flag::Flag,
    model::Cell,
    ratio::Ratio,
    table::{Group, controllers},
    words,
};

/// What separates the rows, as far as the figures say it; none if they say nothing.
pub(crate) fn closing(group: &Group<'_>) -> Option<String> {
    let cells = &group.cells;
    if cells.iter().all(|cell| delivered(cell) == Some(0)) {
        return Some("Nothing was delivered: there is no latency to compare.".to_owned());
    }
    let loss = spread(group, |cell| cell.loss_ratio);
    let order = spread(group, |cell| cell.hol.as_ref()?.blocked_ratio);
    let mut sentences: Vec<String> = loss.iter().map(|spread| by_loss(group, spread)).collect();
    // A window that is too small delays like order does, so with one the other is not to be told.
    match window(group) {
        Some(sentence) => sentences.push(sentence),
        None => sentences.extend(order.iter().map(|spread| by_order(group, spread))),
    }
    if sentences.is_empty() && cells.len() > 1 && cells.iter().all(|cell| cell.hol.is_some()) {
        sentences.push(
            "Neither loss nor order separates these rows: what differs is the path and the cost.".to_owned(),
        );
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn delivered(cell: &Cell) -> Option<u64> {
    cell.messages.as_ref().map(|messages| messages.delivered)
}

/// The rows with the greatest and with the least share of something.
struct Spread {
    most: (usize, Ratio),
    least: (usize, Ratio),
}

/// A spread worth a sentence: a tenth of a point at least, and one share at most half the other.
/// Rows with nothing delivered have other troubles and are left out.
fn spread(group: &Group<'_>, share: fn(&Cell) -> Option<Ratio>) -> Option<Spread> {
    let mut shares = group
        .cells
        .iter()
        .enumerate()
        .filter(|(_, cell)| delivered(cell) > Some(0))
        .filter_map(|(row, cell)| Some((row, share(cell)?)));
    let first = shares.next()?;
    let (mut most, mut least) = (first, first);
    for row in shares {
        if row.1 > most.1 {
            most = row;
        }
        // Of equals the last: datagrams come first as a rule, and the contrast is with those that
        // deliver all.
        if row.1 <= least.1 {
            least = row;
        }
    }
    let (high, low) = (most.1.get(), least.1.get());
    (high - low >= 0.001 && low <= high / 2.0).then_some(Spread { most, least })
}

fn by_loss(group: &Group<'_>, Spread { most, least }: &Spread) -> String {
    let p99 = |row: usize| {
        let p99 = group.cells[row].latency_ns.as_ref()?.summary.p99?;
        Some(format!(" with a p99 of {}", words::time(p99)))
    };
    format!(
        "Loss separates the rows: {} lost {}{}; {} lost {}{}.",
        group.labels[most.0],
        words::share(most.1),
        p99(most.0).unwrap_or_default(),
        group.labels[least.0],
        words::share(least.1),
        p99(least.0).unwrap_or_default(),
    )
}

fn by_order(group: &Group<'_>, Spread { most, least }: &Spread) -> String {
    format!(
        "Order separates the rows: {} of {}'s messages lay complete behind a gap, against {} of \
         {}'s.",
        words::share(most.1),
        group.labels[most.0],
        words::share(least.1),
        group.labels[least.0],
    )
}

fn window(group: &Group<'_>) -> Option<String> {
    let limited: Vec<String> = group
        .cells
        .iter()
        .zip(&group.labels)
        .filter(|(cell, _)| cell.flags.contains(&Flag::WindowLimited))
        .map(|(_, label)| label.clone())
        .collect();
    let whose = match &controllers(&group.cells)[..] {
        [one] => format!("{one}'s congestion window"),
        _ => "the congestion window".to_owned(),
    };
    (!limited.is_empty()).then(|| {
        format!(
            "In {} {whose} delayed messages, which looks like blocking by order: compare with \
             `-C fixed` before drawing conclusions about order.",
            words::list(&limited)
        )
    })
}
