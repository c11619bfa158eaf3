//! The waiting messages: a bar for each, from its arrival to its release.

use super::{
    fit::{cut, fitted},
    marks::Marks,
    rows::Row,
    words,
};
use crate::report::model::episode::{Episode, Numbered};

/// A bar and the space after it.
const COLUMN: usize = 2;
/// Columns for a message's name, beside the beginning of its bar.
const NAME: usize = 13;
/// Columns between the drawing and the bars.
const MARGIN: usize = 2;

/// The bars of an episode, by row.
pub(super) struct Bars {
    bars: Vec<Bar>,
    width: usize,
}

/// A bar. If there are too many messages, the last bar stands for several.
struct Bar {
    /// The rows in which messages begin to wait, and their names.
    begins: Vec<(usize, String)>,
    /// The row in which the last of them is released.
    ends: usize,
}

impl Bars {
    /// The bars beside the rows of an episode, in at most `max_width` columns.
    pub(super) fn new(episode: &Episode, rows: &[Row<'_>], max_width: usize) -> Self {
        let waits = &episode.waits;
        if waits.is_empty() || rows.is_empty() {
            return Self { bars: Vec::new(), width: 0 };
        }
        let row = |at: u64, message: Numbered| row_of(rows, episode, at, message);
        let columns = (max_width.saturating_sub(NAME + MARGIN) / COLUMN).max(1);
        let mut bars: Vec<Bar> = Vec::new();
        for wait in waits {
            let begins = (row(wait.arrived_ns, wait.message), words::message(wait.message));
            let ends = row(wait.released_ns, episode.subject.message);
            if bars.len() < columns {
                bars.push(Bar { begins: vec![begins], ends });
            } else if let Some(shared) = bars.last_mut() {
                shared.begins.push(begins);
                shared.ends = shared.ends.max(ends);
            }
        }
        let width = (bars.len() * COLUMN + NAME + MARGIN).min(max_width);
        Self { bars, width }
    }

    /// Their width in columns; 0 if nothing waits.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The width that all bars and their names need.
    pub(super) fn wanted(episode: &Episode) -> usize {
        if episode.waits.is_empty() { 0 } else { episode.waits.len() * COLUMN + NAME + MARGIN }
    }

    /// The bars between `row` and the next.
    pub(super) fn between(&self, row: usize, marks: &Marks) -> String {
        let is_waiting = |bar: &Bar| bar.begins.iter().any(|(begins, _)| *begins <= row) && row < bar.ends;
        let bars = self.bars.iter().flat_map(|bar| [if is_waiting(bar) { marks.waits } else { ' ' }, ' ']);
        cut(&" ".repeat(MARGIN).chars().chain(bars).collect::<String>(), self.width)
    }

    /// The bars beside a row.
    pub(super) fn draw(&self, row: usize, marks: &Marks) -> String {
        let mut line = " ".repeat(MARGIN);
        let mut names: Vec<String> = Vec::new();
        for bar in &self.bars {
            let begun = bar.begins.first().is_some_and(|(first, _)| *first <= row);
            let new = bar.begins.iter().filter(|(begins, _)| *begins == row).map(|(_, name)| name.clone());
            let before = names.len();
            names.extend(new);
            line.push(match () {
                () if !begun || row > bar.ends => ' ',
                () if row == bar.ends => marks.ends,
                () if names.len() > before => marks.begins,
                () => marks.waits,
            });
            line.push(' ');
        }
        line.truncate(line.trim_end().len());
        if !names.is_empty() {
            line.push(' ');
            let left = self.width.saturating_sub(line.chars().count());
            line.push_str(&fitted(&names, left));
        } else if self.bars.iter().map(|bar| bar.ends).max() == Some(row) {
            line.push_str(" released");
        }
        cut(&line, self.width)
    }
}

/// The row of an instant. Of several rows at that instant, the last that brings `message`.
fn row_of(rows: &[Row<'_>], episode: &Episode, instant: u64, message: Numbered) -> usize {
    let first = rows.partition_point(|row| row.instant(episode.at) < instant);
    let then = rows.iter().enumerate().skip(first).take_while(|(_, row)| row.instant(episode.at) == instant);
    let bringing = then.filter(|(_, row)| row.brings(message, episode.at)).last();
    bringing.map_or(first.min(rows.len() - 1), |(row, _)| row)
}
