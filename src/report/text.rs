//! The table for a terminal.

use super::{
    closing::closing,
    differences::differences,
    flag::Flag,
    handshake::savings,
    model::{Paired, ResultFile},
    table::{Column, Group, Topic, groups},
    teach::{silent_theory, teach},
    words,
};

/// How the text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of the terminal. A table that is wider is split into several below each other, but
    /// latency is never parted from loss: that much needs some 80.
    pub width: usize,
    /// Whether to emphasise with ANSI escapes.
    pub colour: bool,
}

impl Default for TextOptions {
    /// Plain, 100 columns.
    fn default() -> Self {
        Self { width: 100, colour: false }
    }
}

const BOLD: &str = "1";
const YELLOW: &str = "33";

/// The result as a table with what has to be known to read it.
pub fn to_text(file: &ResultFile, options: TextOptions) -> String {
    let mut page = Page { text: String::new(), options };
    if !file.complete {
        page.prose("", Flag::Incomplete.words(), YELLOW);
        page.gap();
    }
    if file.cells.is_empty() {
        page.prose("", "No cell was measured.", "");
        page.gap();
    }
    let groups = groups(file);
    for group in &groups {
        page.group(group, &file.paired);
    }
    page.gap();
    if let Some(system) = &file.system {
        page.prose("", &words::system(system), "");
        page.gap();
    }
    for skipped in &file.skipped {
        let transport = words::plain(&skipped.transport);
        let path = words::plain(&skipped.path);
        let line = format!("skipped {transport} on {path}: {}", words::plain(&skipped.reason));
        page.prose("", &line, YELLOW);
    }
    let end = page.text.trim_end().len();
    page.text.truncate(end);
    page.text.push('\n');
    page.text
}

struct Page {
    text: String,
    options: TextOptions,
}

impl Page {
    /// One empty line, however often it is asked for.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A line; `colour` is an ANSI code, or empty.
    fn line(&mut self, line: &str, colour: &str) {
        let line = line.trim_end();
        if self.options.colour && !colour.is_empty() {
            self.text.push_str(&format!("\x1b[{colour}m{line}\x1b[0m"));
        } else {
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// A paragraph that wraps between words; lines after the first are indented if there is a mark.
    fn prose(&mut self, mark: &str, paragraph: &str, colour: &str) {
        let indent = " ".repeat(mark.len());
        let mut line = mark.to_owned();
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            let width = line.chars().count() + 1 + word.chars().count();
            if !empty && width > self.options.width {
                self.line(&line, colour);
                line.clone_from(&indent);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line, colour);
    }

    fn group(&mut self, group: &Group<'_>, paired: &[Paired]) {
        self.prose("", &group.link, BOLD);
        self.prose("", &group.workload, "");
        self.gap();
        if group.of_hol {
            teach(group).iter().for_each(|sentence| self.prose("", sentence, ""));
            self.gap();
        }
        for block in blocks(group, self.options.width) {
            self.block(&group.labels, &block);
            self.gap();
        }
        let shown = |title| group.columns.iter().any(|column| column.title == title);
        if shown("delayed") && shown("blocked") {
            self.prose("", LEGEND, "");
            self.gap();
        }
        for (flag, labels) in flags(group) {
            let note = format!("{labels}: {} ({})", flag.words(), flag.name());
            self.prose("! ", &note, YELLOW);
        }
        self.gap();
        for (cell, label) in group.cells.iter().zip(&group.labels) {
            let lines = cell.transfer.iter().flat_map(|transfer| words::lacking(label, transfer));
            lines.for_each(|line| self.prose("  ", &line, ""));
        }
        self.gap();
        if group.of_hol {
            silent_theory(group).iter().for_each(|line| self.prose("", line, ""));
            self.gap();
        }
        for (heading, rows) in differences(group, paired) {
            self.prose("", &heading, "");
            rows.iter().for_each(|row| self.prose("  ", row, ""));
        }
        self.gap();
        savings(group).iter().for_each(|line| self.prose("", line, ""));
        self.gap();
        if let Some(sentence) = closing(group) {
            self.prose("", &sentence, "");
        }
        self.gap();
    }

    fn block(&mut self, labels: &[String], columns: &[&Column]) {
        let gap = gap_that_fits(labels, columns, self.options.width);
        let first = label_width(labels);
        let mut head = format!("{:first$}", LABELS);
        for column in columns {
            let width = gap + width(column);
            head.push_str(&format!("{:>width$}", column.title));
        }
        self.line(&head, BOLD);
        for (row, label) in labels.iter().enumerate() {
            let mut line = format!("{label:first$}");
            for column in columns {
                let width = gap + width(column);
                let value = column.values[row].as_deref().unwrap_or("-");
                line.push_str(&format!("{value:>width$}"));
            }
            self.line(&line, "");
        }
    }
}

/// The two words that a table needs and that are this tool's own.
const LEGEND: &str = "delayed: later for being sent again or for waiting its turn; blocked: complete \
                      at the receiver, and held back for earlier bytes";

/// The title over the rows' names.
const LABELS: &str = "transport";

fn width(column: &Column) -> usize {
    let values = column.values.iter().flatten();
    values.map(|value| value.chars().count()).chain([column.title.len()]).max().unwrap_or(0)
}

fn label_width(labels: &[String]) -> usize {
    let labels = labels.iter().map(|label| label.chars().count());
    labels.chain([LABELS.len()]).max().unwrap_or(0)
}

fn block_width(labels: &[String], columns: &[&Column], gap: usize) -> usize {
    let columns = columns.iter().map(|column| gap + width(column));
    label_width(labels) + columns.sum::<usize>()
}

fn gap_that_fits(labels: &[String], columns: &[&Column], limit: usize) -> usize {
    if block_width(labels, columns, 2) <= limit { 2 } else { 1 }
}

/// The tables that a group's columns make: one if it fits, else the cost on its own, else what
/// waited goes there too; then what is still too wide is broken wherever it has to be.
fn blocks<'a>(group: &'a Group<'_>, limit: usize) -> Vec<Vec<&'a Column>> {
    if group.columns.is_empty() {
        // Rows of which nothing is known are still named.
        return vec![Vec::new()];
    }
    let splits: [&[Topic]; 3] = [
        &[Topic::Outcome, Topic::Order, Topic::Latency, Topic::Cost],
        &[Topic::Outcome, Topic::Order, Topic::Latency],
        &[Topic::Outcome, Topic::Latency],
    ];
    let split = |topics: &&[Topic]| -> (Vec<&'a Column>, Vec<&'a Column>) {
        let columns = group.columns.iter();
        columns.partition(|column| topics.contains(&column.topic))
    };
    let fits = |(leading, _): &(Vec<&Column>, Vec<&Column>)| block_width(&group.labels, leading, 2) <= limit;
    let (leading, rest) = splits.iter().map(split).find(fits).unwrap_or_else(|| split(&splits[2]));

    let mut blocks = vec![leading];
    let mut block: Vec<&Column> = Vec::new();
    for column in rest {
        let apart =
            block.last().is_some_and(|last| last.topic != column.topic && column.topic.stands_alone());
        block.push(column);
        if apart || block.len() > 1 && block_width(&group.labels, &block, 2) > limit {
            block.pop();
            blocks.push(std::mem::replace(&mut block, vec![column]));
        }
    }
    blocks.push(block);
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Each flag of a group once, with the rows that have it.
fn flags(group: &Group<'_>) -> Vec<(Flag, String)> {
    let mut all: Vec<Flag> = group.cells.iter().flat_map(|cell| &cell.flags).copied().collect();
    all.sort_unstable();
    all.dedup();
    let rows = |flag: &Flag| {
        let cells = group.cells.iter().zip(&group.labels);
        let flagged = cells.filter(|(cell, _)| cell.flags.contains(flag));
        flagged.map(|(_, label)| label.clone()).collect::<Vec<_>>().join(", ")
    };
    all.iter().map(|flag| (*flag, rows(flag))).collect()
}
