//! The table of `properties` as blocks, as CSV and explained.

use std::fmt::Write;

use super::{
    block::Block,
    model::{PropertyCell, PropertyTable},
    terminal::wrapped,
    words::plain,
};

/// The blocks of a table: a grid of claims and transports, and why some runs were not made.
pub(super) fn properties_page(table: &PropertyTable) -> Vec<Block<'_>> {
    let transports = table.rows.first().into_iter().flat_map(|row| &row.cells);
    let titles: Vec<String> = line("", transports.map(|cell| &*cell.transport)).collect();
    let columns = titles.len();
    let rows = table.rows.iter().map(|row| {
        let words = line(&row.claim, row.cells.iter().map(PropertyCell::value));
        // A file may lack cells.
        words.chain(std::iter::repeat(String::new())).take(columns).collect()
    });
    let grid = Block::Grid(std::iter::once(titles).chain(rows).collect());
    std::iter::once(grid).chain(problems(table).map(Block::Paragraph)).collect()
}

/// A line of the grid.
fn line<'a>(label: &'a str, words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    std::iter::once(label).chain(words).map(plain)
}

/// A line for each reason why runs were not made, with the transports concerned.
fn problems(table: &PropertyTable) -> impl Iterator<Item = String> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for cell in table.cells() {
        let Some(problem) = &cell.problem else { continue };
        match found.iter_mut().find(|(known, _)| known == problem) {
            Some((_, transports)) if transports.contains(&&*cell.transport) => {}
            Some((_, transports)) => transports.push(&cell.transport),
            None => found.push((problem, vec![&cell.transport])),
        }
    }
    let line = |(problem, transports): (&str, Vec<&str>)| {
        plain(&format!("not run: {}: {problem}", transports.join(", ")))
    };
    found.into_iter().map(line)
}

/// The table as CSV (RFC 4180), with a line for each cell.
pub(super) fn properties_to_csv(table: &PropertyTable) -> String {
    let mut text = "row,transport,path,value,detail\n".to_owned();
    for cell in table.cells() {
        let fields = [&cell.row, &cell.transport, &cell.path, cell.value(), cell.detail()];
        let quoted = fields.map(|field| format!("\"{}\"", field.replace('"', "\"\"")));
        let _ = writeln!(text, "{}", quoted.join(","));
    }
    text
}

/// What was done for each row, how it was counted, and what was counted for each transport, in lines of at most `width`
/// columns.
pub fn explain_properties(table: &PropertyTable, width: usize) -> String {
    let mut text = String::new();
    let mut write = |indent: &str, line: &str| {
        let lines = wrapped(line, width.saturating_sub(indent.len()), "  ");
        lines.iter().for_each(|line| text.push_str(&format!("{indent}{line}\n")));
    };
    for row in &table.rows {
        write("", "");
        write("", &row.claim);
        write("  ", &row.how);
        for cell in &row.cells {
            let PropertyCell { transport, path, .. } = cell;
            write("  ", &format!("{transport} on {path}: {} ({})", cell.value(), cell.detail()));
        }
    }
    text
}
