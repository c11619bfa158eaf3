//! Verdicts as a table.

use std::fmt::Write;

use super::{Finding, Unit, Verdict};
use crate::report::{count, wrapped};

const TITLES: [&str; COLUMNS] = ["", "expected", "measured", "sample", "verdict"];
const COLUMNS: usize = 5;

/// One line per case, one per figure, and a summary line, which says so if not all cases are `complete`. Where `width` is too narrow for columns, figures are
/// sentences.
pub fn to_table(verdicts: &[Verdict], complete: bool, width: usize) -> String {
    let rows = verdicts.iter().flat_map(|verdict| &verdict.findings).map(row);
    let rows: Vec<[String; COLUMNS]> = std::iter::once(TITLES.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, value)| *width = (*width).max(value.chars().count()));
    }
    let is_wide = rows.iter().any(|row| line(row, widths).trim_end().chars().count() > width);
    let drawn = |row| if is_wide { sentence(row, width) } else { line(row, widths) };
    let mut lines = rows.iter().map(drawn);
    let mut table = lines.next().filter(|_| !is_wide).unwrap_or_default();
    for verdict in verdicts {
        let setting = format!("{:2}  {}", verdict.case, verdict.setting);
        let _ = writeln!(table, "{}", wrapped(&setting, width, "    ").join("\n"));
        if let Some(error) = &verdict.error {
            let _ = writeln!(table, "      FAILED: {error}");
        }
        table.extend(lines.by_ref().take(verdict.findings.len()));
    }
    table + "\n" + &summary(verdicts, complete)
}

fn sentence([figure, expected, measured, sample, verdict]: &[String; COLUMNS], width: usize) -> String {
    let text = format!("{figure}: expected {expected}, measured {measured} in {sample}: {verdict}");
    let lines = wrapped(&text, width.saturating_sub(6), "  ");
    lines.iter().map(|line| format!("      {line}\n")).collect()
}

fn line(row: &[String; COLUMNS], widths: [usize; COLUMNS]) -> String {
    let [figure, expected, measured, sample, verdict] = row;
    let [a, b, c, d, _] = widths;
    format!("      {figure:a$}  {expected:>b$}  {measured:>c$}  {sample:>d$}  {verdict}\n")
}

fn row(finding: &Finding) -> [String; COLUMNS] {
    let unit = finding.unit;
    let (expected, measured) = match finding.ci95 {
        Some([low, high]) => (
            format!("{} in interval", value(unit, finding.expected)),
            format!("{} to {}", value(unit, low), value(unit, high)),
        ),
        None => (
            format!("{} +-{}", value(unit, finding.expected), value(unit, finding.tolerance)),
            value(unit, finding.measured),
        ),
    };
    let sample = format!("{} {}", count(finding.sample), finding.sample_of);
    let verdict = if finding.holds { "ok" } else { "FAILED" };
    [finding.figure.to_owned(), expected, measured, sample, verdict.to_owned()]
}

fn summary(verdicts: &[Verdict], complete: bool) -> String {
    if verdicts.is_empty() {
        return "No case was completed.\n".to_owned();
    }
    let mut failed: Vec<String> =
        verdicts.iter().filter(|verdict| !verdict.passed).map(|verdict| verdict.case.to_string()).collect();
    failed.dedup();
    match failed.len() {
        0 if !complete => "So far all is as theory says.\n".to_owned(),
        0 => "All is as theory says.\n".to_owned(),
        1 => format!("Case {} FAILED.\n", failed[0]),
        _ => format!("Cases {} FAILED.\n", failed.join(", ")),
    }
}

fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ratio => format!("{:.3}%", value * 100.0),
        Unit::Packets if value.fract() == 0.0 => format!("{value}"),
        Unit::Packets => format!("{value:.2}"),
        Unit::Ns if value.abs() < 100_000.0 => format!("{:.2} us", value / 1e3),
        Unit::Ns => format!("{:.3} ms", value / 1e6),
    }
}
