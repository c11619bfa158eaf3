//! The sentence below the tables: what distinguishes the rows.

use super::{
    group::Group,
    model::{Cell, Flag, Ratio},
    numbers, words,
};

/// What distinguishes the rows, as far as the figures show it.
pub(super) fn closing(group: &Group<'_>) -> Option<String> {
    let cells = &group.cells;
    if cells.iter().all(|cell| delivered(cell) == Some(0)) {
        return Some("Nothing was delivered, so there is no latency to compare.".to_owned());
    }
    // What is unfinished is not lost, so the loss of such a row compares with nothing.
    let is_finished =
        |cell: &Cell| cell.messages.as_ref().is_none_or(|m| m.unfinished == 0 && m.unknown == 0);
    let loss = spread(group, |cell| cell.loss_ratio.filter(|_| is_finished(cell)));
    let order = spread(group, |cell| cell.hol.as_ref()?.blocked_ratio);
    let mut sentences: Vec<String> = loss.iter().map(|spread| by_loss(group, spread)).collect();
    // A small window delays messages as order does, so nothing is concluded about order then.
    match window(group) {
        Some(sentence) => sentences.push(sentence),
        None => sentences.extend(order.iter().map(|spread| by_order(group, spread))),
    }
    let are_same = |share: &dyn Fn(&Cell) -> Option<Ratio>| {
        extremes(group, share).is_none_or(|all| !all.is_difference())
    };
    if sentences.is_empty()
        && cells.len() > 1
        && cells.iter().all(|cell| cell.hol.is_some() && is_finished(cell))
        && are_same(&|cell| cell.loss_ratio)
        && are_same(&|cell| cell.hol.as_ref()?.blocked_ratio)
    {
        sentences
            .push("The rows differ neither in loss nor in blocking, only in latency and cost.".to_owned());
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

impl Spread {
    /// Whether the rows differ: by at least a tenth of a percentage point.
    fn is_difference(&self) -> bool {
        self.most.1.get() - self.least.1.get() >= 0.001
    }
}

/// The spread of a share, if it is worth a sentence: a difference, and the least at most half the greatest.
fn spread(group: &Group<'_>, share: impl Fn(&Cell) -> Option<Ratio>) -> Option<Spread> {
    let is_large = |all: &Spread| all.is_difference() && all.least.1.get() <= all.most.1.get() / 2.0;
    extremes(group, share).filter(is_large)
}

/// The rows with the greatest and with the least share. Rows that delivered nothing are left out.
fn extremes(group: &Group<'_>, share: impl Fn(&Cell) -> Option<Ratio>) -> Option<Spread> {
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
        // Of equal rows the last: unreliable transports usually come first, and the contrast is with reliable ones.
        if row.1 <= least.1 {
            least = row;
        }
    }
    Some(Spread { most, least })
}

fn by_loss(group: &Group<'_>, Spread { most, least }: &Spread) -> String {
    let lost =
        |&(row, share): &(usize, Ratio)| format!("{} lost {}", group.labels[row], numbers::share(share));
    let sentence = format!("The rows differ in loss: {} and {}.", lost(most), lost(least));
    match [most.0, least.0].map(|row| p99(group.cells[row])) {
        [Some(first), Some(second)] => format!(
            "{sentence} Latency covers only what arrived, so do not compare their p99 ({} and {}); compare on time.",
            numbers::time(first),
            numbers::time(second)
        ),
        _ => sentence,
    }
}

fn p99(cell: &Cell) -> Option<u64> {
    cell.latency_ns.as_ref()?.summary.p99
}

fn by_order(group: &Group<'_>, Spread { most, least }: &Spread) -> String {
    let sentence = format!(
        "The rows differ in blocking: {} of {}'s messages were held back for earlier ones, {} of {}'s.",
        numbers::share(most.1),
        group.labels[most.0],
        numbers::share(least.1),
        group.labels[least.0],
    );
    match by_latency(group, most.0, least.0) {
        Some(effect) => format!("{sentence} {effect}"),
        None => sentence,
    }
}

/// Compares the latency of the rows that block most and least. `None` if it is the same, or if one of the rows lost
/// messages: its latency would leave out the slowest.
fn by_latency(group: &Group<'_>, most: usize, least: usize) -> Option<String> {
    let is_whole = |row: usize| group.cells[row].loss_ratio.is_some_and(|lost| lost.get() == 0.0);
    let of = |row: usize| {
        let summary = &group.cells[row].latency_ns.as_ref()?.summary;
        Some((summary.p90?, summary.p99?))
    };
    let ((p90_most, p99_most), (p90_least, p99_least)) = (of(most)?, of(least)?);
    if !is_whole(most) || !is_whole(least) {
        return None;
    }
    // A difference of up to 1% may come from the width of a histogram's bins, or from chance.
    let is_same = |a: u64, b: u64| a.abs_diff(b) <= b / 100;
    let beside = |name: &str, a: u64, b: u64| {
        let (first, second) = (&group.labels[most], &group.labels[least]);
        format!("{first}'s {name} is {} and {second}'s {}", numbers::time(a), numbers::time(b))
    };
    match (is_same(p90_most, p90_least), is_same(p99_most, p99_least)) {
        (true, true) => None,
        (_, false) => Some(format!("Of these two, {}.", beside("p99", p99_most, p99_least))),
        (false, true) => {
            let why = match retransmitted(group.cells[least]).is_some_and(|share| share > 0.01) {
                true => ": retransmissions alone take that long",
                false => "",
            };
            let (p99, p90) = (numbers::time(p99_most), beside("p90", p90_most, p90_least));
            Some(format!("Blocking did not move p99, which is {p99} for both{why}. But {p90}."))
        }
    }
}

/// The share of messages that were delayed only by their own retransmission.
fn retransmitted(cell: &Cell) -> Option<f64> {
    Some(cell.delayed.as_ref()?.ratio?.get() - cell.hol.as_ref()?.blocked_ratio?.get())
}

fn window(group: &Group<'_>) -> Option<String> {
    let limited = group.rows().filter(|(cell, _)| cell.flags.contains(&Flag::WindowLimited));
    let limited: Vec<String> = limited.map(|(_, label)| label.clone()).collect();
    let window = match group.controller() {
        Some(controller) => format!("{controller}'s congestion window"),
        None => "the congestion window".to_owned(),
    };
    (!limited.is_empty()).then(|| {
        format!(
            "In {}, {window} delayed messages, which looks like blocking: compare with `-C fixed` before \
             drawing conclusions about order.",
            words::list(&limited)
        )
    })
}
