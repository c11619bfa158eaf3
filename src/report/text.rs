//! Draws a page for a terminal.

use super::{
    block::{Block, Column, Curve, Flagged, LABELS, Table, Term, Topic},
    flags,
    ladder::to_ladders,
    model::{PropertyTable, ResultFile, Skipped},
    page::page,
    plot::plot,
    properties::properties_page,
    terminal::{BOLD, TextOptions, YELLOW, painted, wrapped},
    words,
};

/// The result as text for a terminal.
pub fn to_text(file: &ResultFile, options: TextOptions) -> String {
    blocks_to_text(&page(file), options)
}

/// The table of `properties` as text for a terminal.
pub fn properties_to_text(table: &PropertyTable, options: TextOptions) -> String {
    blocks_to_text(&properties_page(table), options)
}

/// Blocks as text for a terminal.
pub(crate) fn blocks_to_text(blocks: &[Block<'_>], options: TextOptions) -> String {
    let mut drawing = Drawing { text: String::new(), options };
    drawing.blocks(blocks);
    drawing.text
}

/// Columns of a line of prose that is still easy to read.
const MEASURE: usize = 120;

/// Spaces between columns.
const GAP: usize = 2;

/// The column that latency stands beside.
const LOST: &str = "lost";

struct Drawing {
    text: String,
    options: TextOptions,
}

impl Drawing {
    fn blocks(&mut self, blocks: &[Block<'_>]) {
        let details = self.options.details;
        // Charts are left out: tables have their figures.
        let is_drawn = |block: &&Block<'_>| match block {
            Block::Charts(_) | Block::Curves(_) | Block::Ladders(_) => false,
            Block::Details(_) => details,
            Block::Hint(_) => !details,
            _ => true,
        };
        let mut below_heading = true;
        for block in blocks.iter().filter(is_drawn) {
            // The paragraph below a heading belongs to it.
            if !below_heading {
                self.text.push('\n');
            }
            below_heading = matches!(block, Block::Heading(_));
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block<'_>) {
        match block {
            Block::Warning(text) => self.prose("", text, YELLOW),
            Block::Heading(text) => self.prose("", text, BOLD),
            Block::Paragraph(text) => self.prose("", text, ""),
            Block::Hint(text) => self.prose("", text, ""),
            Block::List(items) => items.iter().for_each(|item| self.item(item, "")),
            Block::Table(table) => self.table(table),
            Block::Grid(rows) => self.grid(rows),
            Block::Bars { title, rows } => {
                self.prose("", title, "");
                self.grid(rows);
            }
            Block::Terms(terms) => self.prose("", &definitions(terms), ""),
            Block::Flags(flags) => flags.iter().for_each(|flagged| self.flag(flagged)),
            Block::Skipped(skipped) => skipped.iter().for_each(|skipped| self.skipped(skipped)),
            Block::Command(line) => self.command(line),
            Block::Ladder(episodes) => self.text.push_str(&to_ladders(episodes, self.options)),
            Block::Curve(curve) => self.curve(curve),
            Block::Details(blocks) => self.blocks(blocks),
            Block::Charts(_) | Block::Curves(_) | Block::Ladders(_) => {}
        }
    }

    fn line(&mut self, line: &str, colour: &str) {
        let colour = if self.options.colour { colour } else { "" };
        self.text.push_str(&painted(line.trim_end(), colour));
        self.text.push('\n');
    }

    /// A paragraph, wrapped. All lines but the first begin with `indent`.
    fn prose(&mut self, indent: &str, paragraph: &str, colour: &str) {
        let lines = wrapped(paragraph, self.options.width.min(MEASURE), indent);
        lines.iter().for_each(|line| self.line(line, colour));
    }

    /// A sentence of several: the indent shows where the next one begins.
    fn item(&mut self, sentence: &str, colour: &str) {
        self.prose("  ", sentence, colour);
    }

    fn flag(&mut self, Flagged { flag, rows }: &Flagged) {
        let note = format!("! {}: {} ({flag})", rows.join(", "), flags::meaning(*flag));
        self.item(&note, YELLOW);
    }

    fn skipped(&mut self, skipped: &Skipped) {
        self.item(&words::skipped(skipped), YELLOW);
    }

    /// A command line to copy. A long one continues on the next line after a backslash.
    fn command(&mut self, line: &str) {
        /// Joins an option and its value, so that they stay on one line.
        const GLUE: &str = "\u{1}";
        let mut glued = String::new();
        let mut after_option = false;
        for word in line.split(' ') {
            let is_option = word.starts_with('-');
            if !glued.is_empty() {
                glued.push_str(if after_option && !is_option { GLUE } else { " " });
            }
            glued.push_str(word);
            after_option = is_option;
        }
        let lines = wrapped(&glued, self.options.width.saturating_sub(4), "    ");
        for (index, part) in lines.iter().enumerate() {
            let more = if index + 1 < lines.len() { " \\" } else { "" };
            self.line(&format!("  {}{more}", part.replace(GLUE, " ")), BOLD);
        }
    }

    fn curve(&mut self, curve: &Curve) {
        self.prose("", &curve.title, "");
        self.text.push_str(&plot(curve, self.options));
    }

    fn table(&mut self, table: &Table) {
        if let Some(title) = &table.title {
            self.prose("", title, "");
        }
        for (index, part) in parts(table, self.options.width).iter().enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            self.part(&table.labels, part);
        }
    }

    /// Words by row, split into several tables below each other if they are wider than the terminal.
    fn grid(&mut self, rows: &[Vec<String>]) {
        let columns = rows.first().map_or(0, Vec::len);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut next = 1;
        while next < columns {
            let first = next;
            let mut used = widths[0] + GAP + widths[next];
            next += 1;
            while next < columns && used + GAP + widths[next] <= self.options.width {
                used += GAP + widths[next];
                next += 1;
            }
            if first > 1 {
                self.text.push('\n');
            }
            for (number, row) in rows.iter().enumerate() {
                let mut line = format!("{:<1$}", row[0], widths[0] + GAP);
                for column in first..next {
                    line.push_str(&format!("{:<1$}", row[column], widths[column] + GAP));
                }
                self.line(&line, if number == 0 { BOLD } else { "" });
            }
        }
    }

    /// Some columns of a table, with the labels of its rows.
    fn part(&mut self, labels: &[String], columns: &[&Column]) {
        let label_width = label_width(labels);
        let mut head = format!("{LABELS:label_width$}");
        for column in columns {
            head.push_str(&format!("{:>1$}", column.title, GAP + width(column)));
        }
        self.line(&head, BOLD);
        for (row, label) in labels.iter().enumerate() {
            let mut line = format!("{label:label_width$}");
            for column in columns {
                line.push_str(&format!("{:>1$}", column.text(row), GAP + width(column)));
            }
            self.line(&line, "");
        }
    }
}

fn definitions(terms: &[Term]) -> String {
    let terms = terms.iter().map(|Term { term, meaning }| format!("{term}: {meaning}"));
    terms.collect::<Vec<_>>().join("; ")
}

fn width(column: &Column) -> usize {
    let widths = (0..column.figures.len()).map(|row| column.text(row).chars().count());
    widths.chain([column.title.len()]).max().unwrap_or(0)
}

fn label_width(labels: &[String]) -> usize {
    let labels = labels.iter().map(|label| label.chars().count());
    labels.chain([LABELS.len()]).max().unwrap_or(0)
}

fn part_width(labels: &[String], columns: &[&Column]) -> usize {
    let columns = columns.iter().map(|column| GAP + width(column));
    label_width(labels) + columns.sum::<usize>()
}

/// The parts of a table that fit below each other: whole topics, then columns. Latency stands beside loss.
fn parts<'a>(table: &'a Table, limit: usize) -> Vec<Vec<&'a Column>> {
    let fits = |columns: &[&Column]| part_width(&table.labels, columns) <= limit;
    let of = |topics: &[Topic]| -> Vec<&'a Column> {
        table.columns.iter().filter(|column| topics.contains(&column.topic)).collect()
    };
    let outcome = of(&[Topic::Outcome]);
    let latency = of(&[Topic::Latency]);
    let with_latency = [&outcome[..], &latency[..]].concat();
    let with_order = of(&[Topic::Outcome, Topic::Order, Topic::Latency]);
    let first = if fits(&with_order) { with_order } else { with_latency };
    let mut parts = Vec::new();
    if fits(&first) {
        parts.push(first.clone());
    } else {
        // The loss stands beside the latency, or beside the first columns of it.
        let (lost, others): (Vec<_>, Vec<_>) = outcome.iter().partition(|column| column.title == LOST);
        extend(&mut parts, &others, fits);
        parts.push(lost);
        for column in latency {
            extend(&mut parts, &[column], fits);
        }
    }
    let is_shown = |column: &&Column| parts.iter().flatten().any(|shown| std::ptr::eq(*shown, *column));
    let rest: Vec<&Column> = table.columns.iter().filter(|column| !is_shown(column)).collect();
    for topic in rest.chunk_by(|a, b| a.topic == b.topic) {
        extend(&mut parts, topic, fits);
    }
    if parts.len() > 1 {
        parts.retain(|part| !part.is_empty());
    }
    parts
}

/// Adds the columns of a topic to the last part, or begins another with them; a topic that is too wide is split.
fn extend<'a>(parts: &mut Vec<Vec<&'a Column>>, topic: &[&'a Column], fits: impl Fn(&[&Column]) -> bool) {
    let mut place = |columns: &[&'a Column]| {
        let together = parts.last().map_or_else(Vec::new, |last| [last, columns].concat());
        match parts.last_mut() {
            Some(last) if fits(&together) => *last = together,
            _ => parts.push(columns.to_vec()),
        }
    };
    if fits(topic) {
        place(topic);
    } else {
        topic.iter().for_each(|column| place(&[*column]));
    }
}
