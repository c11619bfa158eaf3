//! Senders that share a bottleneck: a table of them, and what it shows.

use super::{
    block::{Block, Column, Table, Term, Topic},
    figure::Figure,
    group::{Group, distinct},
    model::{Cell, Ratio, Share, ShareSender},
    numbers,
    summary::Points,
    words,
};

/// Reads a figure of a sender.
type Read = fn(&ShareSender) -> Option<Figure>;

const COLUMNS: [(&str, Topic, Read); 6] = [
    ("goodput", Topic::Duration, |sender| sender.goodput_bps.map(Figure::Throughput)),
    ("share", Topic::Outcome, |sender| sender.share_ratio.map(Figure::Share)),
    ("share, 95%", Topic::Outcome, |sender| sender.share_ci95_ratio.map(Figure::Shares)),
    ("lost", Topic::Cost, |sender| sender.loss_ratio.map(Figure::Share)),
    ("resent", Topic::Cost, |sender| sender.retransmitted_packets.map(Figure::Count)),
    ("converged in", Topic::Duration, |sender| sender.converge_ns.map(Figure::Time)),
];

const TERMS: [Term; 3] = [
    Term {
        term: "fairness",
        meaning: "Jain's index: 1 if all senders get the same, 1/n if one of n gets everything",
    },
    Term { term: "share", meaning: "of all goodput, while all senders run and the warm-up is over" },
    Term {
        term: "converged in",
        meaning: "from a sender's start until its goodput stays within 25% of its fair share for 5 s",
    },
];

/// The senders of each row of a group.
pub(super) fn blocks<'a>(group: &Group<'_>) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    for (cell, label) in group.rows() {
        let Some(share) = &cell.share else { continue };
        let title = if group.cells.len() > 1 { format!("Senders of {label}") } else { "Senders".to_owned() };
        blocks.push(Block::Table(table(share, title)));
    }
    if !blocks.is_empty() {
        let is_shown = |term: &&Term| {
            let column = COLUMNS.iter().find(|(title, ..)| *title == term.term);
            let senders =
                || group.cells.iter().filter_map(|cell| cell.share.as_ref()).flat_map(|share| &share.senders);
            column.is_none_or(|(.., read)| senders().any(|sender| read(sender).is_some()))
        };
        blocks.push(Block::Terms(TERMS.iter().filter(is_shown).copied().collect()));
        let sentences: Vec<String> = group.cells.iter().flat_map(|cell| sentences(cell)).collect();
        if !sentences.is_empty() {
            blocks.push(Block::List(sentences));
        }
    }
    blocks
}

/// The names of the senders, each different.
pub(super) fn names(share: &Share) -> Vec<String> {
    let mut names: Vec<String> = share.senders.iter().map(|sender| words::plain(&sender.sender)).collect();
    distinct(&mut names);
    names
}

fn table(share: &Share, title: String) -> Table {
    of_senders(title, names(share), &share.senders.iter().collect::<Vec<_>>())
}

/// The senders at all points of a list.
pub(super) fn summary(points: &Points<'_, '_>) -> Option<Table> {
    let rows = points.rows();
    let known = || rows.iter().filter_map(|(point, cell, _)| Some((*point, cell.share.as_ref()?)));
    let labels = known()
        .flat_map(|(point, share)| names(share).into_iter().map(move |name| points.label(point, &name)))
        .collect();
    let senders: Vec<&ShareSender> = known().flat_map(|(_, share)| &share.senders).collect();
    (!senders.is_empty()).then(|| of_senders("Senders".to_owned(), labels, &senders))
}

fn of_senders(title: String, labels: Vec<String>, senders: &[&ShareSender]) -> Table {
    let column = |&(title, topic, read): &(&'static str, Topic, Read)| {
        let figures: Vec<Option<Figure>> = senders.iter().map(|sender| read(sender)).collect();
        figures.iter().any(Option::is_some).then_some(Column { title, topic, figures })
    };
    let columns = COLUMNS.iter().filter_map(column).collect();
    Table { title: Some(title), labels, columns, points: None }
}

/// Sentences below the table: unequal shares, and senders that did not converge or stopped early.
fn sentences(cell: &Cell) -> Vec<String> {
    let Some(share) = &cell.share else { return Vec::new() };
    let names = names(share);
    let mut sentences: Vec<String> = unequal(share, &names).into_iter().collect();
    if share.measured_ns.is_none() {
        sentences.push(
            "there is no time in which all senders run after the warm-up, so there are no shares".to_owned(),
        );
    }
    for (sender, name) in share.senders.iter().zip(&names) {
        let joined = sender.start_ns > 0 && sender.pace_bps.is_none() && sender.converged < cell.seeds;
        if let Some(reason) = sender.converge_reason.as_ref().filter(|_| joined) {
            let missing = cell.seeds - sender.converged;
            let (missing, seeds) = (numbers::count(missing), numbers::plural(cell.seeds, "seed"));
            sentences.push(format!(
                "{name}: no time to converge in {missing} of {seeds}: {}",
                words::plain(reason)
            ));
        }
        let stopped = sender.stopped.as_ref();
        sentences.extend(stopped.map(|reason| format!("{name}: stopped: {}", words::plain(reason))));
    }
    sentences
}

/// Who gets most and who gets least, where congestion control shares unequally.
fn unequal(share: &Share, names: &[String]) -> Option<String> {
    /// Below this index, the greatest share of two is more than one and a half times the least.
    const EQUAL: f64 = 0.96;
    share.jain_index.filter(|jain| jain.get() < EQUAL)?;
    let known =
        || share.senders.iter().zip(names).filter_map(|(sender, name)| Some((sender.share_ratio?, name)));
    let most = known().max_by(|a, b| a.0.get().total_cmp(&b.0.get()))?;
    let least = known().min_by(|a, b| a.0.get().total_cmp(&b.0.get()))?;
    let equal = numbers::share(Ratio::new(1.0 / share.senders.len() as f64)?);
    Some(format!(
        "{} gets {} of the goodput and {} {}; an equal share is {equal}",
        most.1,
        numbers::share(most.0),
        least.1,
        numbers::share(least.0),
    ))
}
