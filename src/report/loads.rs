//! Messages beside a background: what the background got, and what it added to the latency.

use super::{
    block::{Block, Column, Table, Topic},
    figure::Figure,
    group::{Group, distinct},
    model::{Cell, Load, LoadSender, TransferDirection},
    numbers,
    summary::Points,
    words,
};

/// Grades by added latency in milliseconds, each below its limit. From DSLReports' speed test
/// (<https://www.dslreports.com/faq/17930>), which averages what an upload adds and what a download adds: the queueing
/// delay of one direction. Here both run at once, and a round trip has both.
const GRADES: [(&str, u64); 5] = [("A+", 5), ("A", 30), ("B", 60), ("C", 200), ("D", 400)];

/// Reads a figure of a sender.
type Read = fn(&LoadSender) -> Option<Figure>;

const COLUMNS: [(&str, Topic, Read); 3] = [
    ("goodput", Topic::Duration, |sender| sender.goodput_bps.map(Figure::Throughput)),
    ("lost", Topic::Cost, |sender| sender.loss_ratio.map(Figure::Share)),
    ("resent", Topic::Cost, |sender| sender.retransmitted_packets.map(Figure::Count)),
];

/// The backgrounds and the verdicts of a group.
pub(super) fn blocks<'a>(group: &Group<'_>) -> Vec<Block<'a>> {
    let known = || group.rows().filter_map(|(cell, label)| Some((cell.load.as_ref()?, label)));
    let tables = known().map(|(load, label)| Block::Table(table(load, label)));
    let mut blocks: Vec<Block<'a>> = tables.collect();
    let verdicts: Vec<String> = known().filter_map(|(load, label)| verdict(load, label)).collect();
    if !verdicts.is_empty() {
        blocks.push(Block::List(verdicts));
    }
    blocks
}

fn table(load: &Load, label: &str) -> Table {
    let name = |sender: &LoadSender| {
        let way = match sender.direction {
            TransferDirection::Up => "up",
            TransferDirection::Down => "down",
        };
        format!("{} {way}", words::plain(&sender.sender))
    };
    let mut labels: Vec<String> = load.background.iter().map(name).collect();
    distinct(&mut labels);
    let column = |&(title, topic, read): &(&'static str, Topic, Read)| {
        let figures: Vec<Option<Figure>> = load.background.iter().map(read).collect();
        figures.iter().any(Option::is_some).then_some(Column { title, topic, figures })
    };
    let columns = COLUMNS.iter().filter_map(column).collect();
    Table { title: Some(format!("The background of {label}")), labels, columns, points: None }
}

/// For each row of a list, the grade at each point.
pub(super) fn grades(points: &Points<'_, '_>) -> Vec<String> {
    let grade = |cell: &Cell| {
        let added = cell.load.as_ref()?.added_queue_ns?;
        Some(below(added).map_or("F", |(grade, _)| grade).to_owned())
    };
    let of_label = |(label, grades)| format!("bufferbloat of {label} by DSLReports' scale: {grades}");
    points.said(grade).into_iter().map(of_label).collect()
}

/// The grade of added queueing delay and its limit; none if it is above all limits.
fn below(added_ns: i64) -> Option<&'static (&'static str, u64)> {
    GRADES.iter().find(|(_, limit)| added_ns < (*limit * 1_000_000).cast_signed())
}

/// How long the background made packets wait, the grade of that, and how much latency it added.
fn verdict(load: &Load, label: &str) -> Option<String> {
    let time = |ns: i64| format!("{}{}", if ns < 0 { "-" } else { "" }, numbers::time(ns.unsigned_abs()));
    let graded = load.added_queue_ns.map(|added| {
        let grade = match below(added) {
            Some((grade, limit)) => format!("{grade} (less than {limit} ms)"),
            None => "F (400 ms or more)".to_owned(),
        };
        format!("{} in the queue of a direction, grade {grade} by DSLReports' scale", time(added))
    });
    let latency = load.added_p50_ns.map(|added| {
        let interval = load
            .added_p50_ci95_ns
            .map_or_else(String::new, |[low, high]| format!(" (95%: {} to {})", time(low), time(high)));
        format!("{}{interval} to the median latency", time(added))
    });
    let added: Vec<String> = graded.into_iter().chain(latency).collect();
    (!added.is_empty())
        .then(|| format!("bufferbloat of {label}: the background adds {}", added.join(", and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(added_queue_ns: Option<i64>) -> Load {
        Load {
            background: Vec::new(),
            idle_latency_ns: None,
            idle_loss_ratio: None,
            added_p50_ns: Some(250_000_000),
            added_p50_ci95_ns: Some([240_000_000, 260_000_000]),
            added_queue_ns,
        }
    }

    /// Retransmissions and order add to the latency too.
    #[test]
    fn the_queue_is_graded_and_not_the_latency() {
        let told = |added| verdict(&load(added), "tcp").unwrap();
        assert_eq!(
            told(Some(40_000_000)),
            "bufferbloat of tcp: the background adds 40.0 ms in the queue of a direction, grade B (less than 60 ms) by \
             DSLReports' scale, and 250 ms (95%: 240 ms to 260 ms) to the median latency"
        );
        assert!(told(Some(400_000_000)).contains("grade F (400 ms or more)"));
        assert!(told(Some(-1)).contains("grade A+"));
        assert!(!told(None).contains("grade"), "the time in the queue is not known");
    }
}
