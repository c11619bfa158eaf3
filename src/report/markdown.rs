//! Draws a page as GitHub-flavoured Markdown.

use super::{
    block::{Block, Flagged, LABELS, Table, Term},
    flags,
    ladder::to_ladders,
    model::{PropertyTable, ResultFile},
    page::page,
    plot::plot,
    properties::properties_page,
    terminal::TextOptions,
    words,
};

/// The result as GitHub-flavoured Markdown.
pub fn to_markdown(file: &ResultFile) -> String {
    blocks_to_markdown(&page(file))
}

/// The table of `properties` as GitHub-flavoured Markdown.
pub(super) fn properties_to_markdown(table: &PropertyTable) -> String {
    blocks_to_markdown(&properties_page(table))
}

/// Blocks as GitHub-flavoured Markdown.
pub(crate) fn blocks_to_markdown(blocks: &[Block<'_>]) -> String {
    joined(blocks) + "\n"
}

fn joined(blocks: &[Block<'_>]) -> String {
    blocks.iter().filter_map(block).collect::<Vec<_>>().join("\n\n")
}

/// A block; `None` for charts, because tables have their figures, and for hints, because nothing is left out.
fn block(block: &Block<'_>) -> Option<String> {
    Some(match block {
        Block::Warning(text) => format!("**{}**", escape(text)),
        Block::Heading(text) => format!("### {}", escape(text)),
        Block::Paragraph(text) => escape(text),
        Block::List(items) => list('-', items.iter().map(|item| escape(item))),
        Block::Table(table) => draw(table),
        Block::Grid(rows) => grid(rows),
        Block::Bars { title, rows } => format!("{}\n\n{}", escape(title), grid(rows)),
        Block::Terms(terms) => definitions(terms),
        Block::Flags(flags) => list('*', flags.iter().map(flag)),
        Block::Skipped(skipped) => list('*', skipped.iter().map(|skipped| escape(&words::skipped(skipped)))),
        Block::Command(line) => format!("```console\n$ {line}\n```"),
        Block::Ladder(episodes) => format!("```text\n{}```", to_ladders(episodes, TextOptions::default())),
        Block::Curve(curve) => {
            format!("**{}**\n\n```text\n{}```", escape(&curve.title), plot(curve, TextOptions::default()))
        }
        Block::Details(blocks) => {
            format!("<details>\n<summary>Each on its own</summary>\n\n{}\n\n</details>", joined(blocks))
        }
        Block::Charts(_) | Block::Curves(_) | Block::Ladders(_) | Block::Hint(_) => return None,
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
    format!("{}: {} (`{flag}`)", escape(&rows.join(", ")), escape(flags::meaning(*flag)))
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
