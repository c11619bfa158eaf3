//! The table as text, Markdown and CSV.

use std::fmt::Write;

use super::{Cell, ROWS};

/// What a cell says, in a word.
fn value(cell: &Cell) -> &str {
    cell.answer.as_ref().map_or("not run", |answer| &answer.value)
}

/// The claims and the transports, with a title row.
fn grid(cells: &[Vec<Cell>]) -> Vec<Vec<&str>> {
    let transports = cells.first().into_iter().flatten().map(|cell| cell.transport);
    let titles = std::iter::once("").chain(transports).collect();
    let rows = cells.iter().filter_map(|row| {
        let claim = row.first()?.row;
        Some(std::iter::once(claim).chain(row.iter().map(value)).collect())
    });
    std::iter::once(titles).chain(rows).collect()
}

/// Why cells have no answer: one line for each reason, with the transports it holds for.
fn problems(cells: &[Vec<Cell>]) -> Vec<String> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for cell in cells.iter().flatten() {
        let Some(problem) = &cell.problem else { continue };
        match found.iter_mut().find(|(known, _)| known == problem) {
            Some((_, transports)) if transports.contains(&cell.transport) => {}
            Some((_, transports)) => transports.push(cell.transport),
            None => found.push((problem, vec![cell.transport])),
        }
    }
    found
        .into_iter()
        .map(|(problem, transports)| format!("not run: {}: {problem}", transports.join(", ")))
        .collect()
}

/// As a table for a terminal of `width` columns: split into several below each other if it is wider.
pub fn to_table(cells: &[Vec<Cell>], width: usize) -> String {
    let grid = grid(cells);
    let columns = grid.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| grid.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    let mut next = 1;
    while next < columns {
        let first = next;
        let mut used = widths[0] + 2 + widths[next];
        next += 1;
        while next < columns && used + 2 + widths[next] <= width {
            used += 2 + widths[next];
            next += 1;
        }
        if first > 1 {
            text.push('\n');
        }
        for row in &grid {
            let mut line = format!("{:<1$}", row[0], widths[0]);
            for column in first..next {
                let _ = write!(line, "  {:<1$}", row[column], widths[column]);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    for problem in problems(cells) {
        let _ = write!(text, "\n{problem}\n");
    }
    text
}

/// As a table in Markdown.
pub fn to_markdown(cells: &[Vec<Cell>]) -> String {
    let mut text = String::new();
    for (index, row) in grid(cells).iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if index == 0 {
            let _ = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    for problem in problems(cells) {
        let _ = write!(text, "\n{problem}\n");
    }
    text
}

/// As CSV (RFC 4180), with a line for each cell.
pub fn to_csv(cells: &[Vec<Cell>]) -> String {
    let mut text = "row,transport,path,value,detail\n".to_owned();
    for cell in cells.iter().flatten() {
        let detail = cell.answer.as_ref().map(|answer| &answer.detail).or(cell.problem.as_ref());
        let fields = [cell.row, cell.transport, &cell.path, value(cell), detail.map_or("", |detail| detail)];
        let quoted = fields.map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
        let _ = writeln!(text, "{}", quoted.join(","));
    }
    text
}

/// What was done for each row, how it was counted, and what was counted for each transport.
pub fn to_explanation(cells: &[Vec<Cell>]) -> String {
    let mut text = String::new();
    for (row, cells) in ROWS.iter().zip(cells) {
        let _ = writeln!(text, "\n{}\n  {}", row.claim, row.how);
        for cell in cells {
            let detail = cell.answer.as_ref().map(|answer| &answer.detail).or(cell.problem.as_ref());
            let _ = writeln!(
                text,
                "  {} on {}: {} ({})",
                cell.transport,
                cell.path,
                value(cell),
                detail.map_or("", |detail| detail)
            );
        }
    }
    text
}
