//! The table for a page on GitHub.

use super::{
    closing::closing,
    flag::Flag,
    model::ResultFile,
    table::{Group, groups},
    words,
};

/// The result as GitHub-flavoured Markdown: a table for each link and workload.
pub fn to_markdown(file: &ResultFile) -> String {
    let mut parts = Vec::new();
    if !file.complete {
        parts.push(format!("**{}**", Flag::Incomplete.words()));
    }
    if file.cells.is_empty() {
        parts.push("No cell was measured.".to_owned());
    }
    for group in groups(file) {
        parts.push(format!("### {}", escape(&group.link)));
        parts.push(escape(&group.workload));
        parts.push(table(&group));
        let notes = notes(&group);
        if !notes.is_empty() {
            parts.push(notes.join("\n"));
        }
        parts.extend(closing(&group).map(|sentence| escape(&sentence)));
    }
    parts.extend(file.system.as_ref().map(|system| escape(&words::system(system))));
    let skipped: Vec<String> = file
        .skipped
        .iter()
        .map(|skipped| {
            let [transport, path, reason] =
                [&skipped.transport, &skipped.path, &skipped.reason].map(|text| escape(&words::plain(text)));
            format!("- skipped {transport} on {path}: {reason}")
        })
        .collect();
    if !skipped.is_empty() {
        parts.push(skipped.join("\n"));
    }
    parts.join("\n\n") + "\n"
}

fn table(group: &Group<'_>) -> String {
    let titles = group.columns.iter().map(|column| column.title);
    let mut lines = vec![row("transport", titles), row(":---", group.columns.iter().map(|_| "---:"))];
    for (index, label) in group.labels.iter().enumerate() {
        let values = group.columns.iter().map(|column| column.values[index].as_deref().unwrap_or("-"));
        lines.push(row(label, values));
    }
    lines.join("\n")
}

fn row<'a>(label: &str, values: impl Iterator<Item = &'a str>) -> String {
    let mut line = format!("| {} |", escape(label));
    for value in values {
        line.push_str(&format!(" {} |", escape(value)));
    }
    line
}

fn notes(group: &Group<'_>) -> Vec<String> {
    let cells = group.cells.iter().zip(&group.labels);
    cells
        .flat_map(|(cell, label)| {
            cell.flags
                .iter()
                .map(move |flag| format!("- {}: {} (`{}`)", escape(label), flag.words(), flag.name()))
        })
        .collect()
}

/// Text that Markdown shows as it is. Code spans are ours and stay.
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
