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
/// (<https://www.dslreports.com/faq/17930>).
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
    let rows = points.rows();
    let graded = |(point, cell, label): &(usize, &Cell, &str)| {
        let added = cell.load.as_ref()?.added_p50_ns?;
        let grade = below(added).map_or("F", |(grade, _)| grade);
        Some(((*label).to_owned(), format!("{grade} at {}", points.values(*point))))
    };
    let graded: Vec<(String, String)> = rows.iter().filter_map(graded).collect();
    let of_row = |rows: &[(String, String)]| {
        let grades: Vec<&str> = rows.iter().map(|(_, grade)| grade.as_str()).collect();
        format!("bufferbloat of {} by DSLReports' scale: {}", rows[0].0, grades.join("; "))
    };
    graded.chunk_by(|a, b| a.0 == b.0).map(of_row).collect()
}

/// The grade of added latency and its limit; none if it is above all limits.
fn below(added_ns: i64) -> Option<&'static (&'static str, u64)> {
    GRADES.iter().find(|(_, limit)| added_ns < (*limit * 1_000_000).cast_signed())
}

/// How much latency the background added, and whether that is much.
fn verdict(load: &Load, label: &str) -> Option<String> {
    let added = load.added_p50_ns?;
    let time = |ns: i64| format!("{}{}", if ns < 0 { "-" } else { "" }, numbers::time(ns.unsigned_abs()));
    let interval = load
        .added_p50_ci95_ns
        .map_or_else(String::new, |[low, high]| format!(" (95%: {} to {})", time(low), time(high)));
    let grade = match below(added) {
        Some((grade, limit)) => format!("{grade} (less than {limit} ms)"),
        None => "F (400 ms or more)".to_owned(),
    };
    Some(format!(
        "bufferbloat of {label}: the background adds {}{interval} to the median latency: grade {grade} by DSLReports' \
         scale",
        time(added)
    ))
}
