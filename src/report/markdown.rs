//! Draws a page as GitHub-flavoured Markdown.

use super::{
    block::{Block, Flagged, LABELS, Table, Term},
    flags,
    model::{PropertyTable, ResultFile},
    page::page,
    properties::properties_page,
    words,
};

/// The result as GitHub-flavoured Markdown.
pub fn to_markdown(file: &ResultFile) -> String {
    drawn(&page(file))
}

/// The table of `properties` as GitHub-flavoured Markdown.
pub fn properties_to_markdown(table: &PropertyTable) -> String {
    drawn(&properties_page(table))
}

fn drawn(blocks: &[Block<'_>]) -> String {
    let blocks: Vec<String> = blocks.iter().filter_map(block).collect();
    blocks.join("\n\n") + "\n"
}

/// A block; none for pictures, whose figures are in the tables.
fn block(block: &Block<'_>) -> Option<String> {
    Some(match block {
        Block::Warning(text) => format!("**{}**", escape(text)),
        Block::Heading(text) => format!("### {}", escape(text)),
        Block::Paragraph(text) => escape(text),
        Block::List(items) => list('-', items.iter().map(|item| escape(item))),
        Block::Table(table) => draw(table),
        Block::Grid(rows) => grid(rows),
        Block::Terms(terms) => definitions(terms),
        Block::Flags(flags) => list('*', flags.iter().map(flag)),
        Block::Skipped(skipped) => list('*', skipped.iter().map(|skipped| escape(&words::skipped(skipped)))),
        Block::Charts(_) | Block::Curves(_) | Block::Ladders(_) => return None,
    })
}

/// A list. Two lists with the same bullet would be drawn as one if nothing stands between them.
fn list(bullet: char, items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("{bullet} {item}")).collect::<Vec<_>>().join("\n")
}

fn definitions(terms: &[Term]) -> String {
    let terms = terms.iter().map(|Term { term, meaning }| format!("**{term}**: {}", escape(meaning)));
    terms.collect::<Vec<_>>().join("; ")
}

fn flag(Flagged { flag, rows }: &Flagged) -> String {
    format!("{}: {} (`{}`)", escape(&rows.join(", ")), escape(flags::meaning(*flag)), flag.name())
}

fn draw(table: &Table) -> String {
    let mut lines: Vec<String> = Vec::new();
    if let Some(title) = &table.title {
        lines.extend([format!("**{}**", escape(title)), String::new()]);
    }
    let titles = table.columns.iter().map(|column| column.title.to_owned());
    lines.push(row(LABELS, titles));
    lines.push(row(":---", table.columns.iter().map(|_| "---:".to_owned())));
    for (index, label) in table.labels.iter().enumerate() {
        lines.push(row(label, table.columns.iter().map(|column| column.text(index))));
    }
    lines.join("\n")
}

fn grid(rows: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = rows
        .iter()
        .filter_map(|cells| cells.split_first())
        .map(|(label, words)| row(label, words.iter().cloned()))
        .collect();
    let columns = rows.first().map_or(0, Vec::len);
    lines.insert(lines.len().min(1), format!("|{}", " --- |".repeat(columns)));
    lines.join("\n")
}

fn row(label: &str, values: impl Iterator<Item = String>) -> String {
    let mut line = format!("| {} |", escape(label));
    for value in values {
        line.push_str(&format!(" {} |", escape(&value)));
    }
    line
}

/// Escapes what Markdown would interpret, except code spans.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if matches!(c, '|' | '<' | '>' | '*' | '_' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
