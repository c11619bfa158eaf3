//! The messages that wait, each a column whose bar begins when it has arrived and ends when it is released.

use super::{Marks, cut, words};
use crate::report::model::episode::Wait;

/// Columns of a bar and the space behind it.
const COLUMN: usize = 2;
/// Columns for the name of a message, behind its bar's beginning.
const NAME: usize = 10;
/// Columns between the drawing and the bars, at each side.
const MARGIN: usize = 2;

/// The bars of an episode, by row.
pub(super) struct Bars {
    bars: Vec<Bar>,
    width: usize,
}

/// A column: of the last, with too many messages, several share one.
struct Bar {
    /// Where something begins to wait, and what.
    begins: Vec<(usize, String)>,
    /// Where the last of them is released.
    ends: usize,
}

impl Bars {
    /// The bars of `waits` beside rows at these `instants`, in at most `most` columns.
    pub(super) fn new(waits: &[Wait], instants: &[u64], most: usize) -> Self {
        if waits.is_empty() || instants.is_empty() {
            return Self { bars: Vec::new(), width: 0 };
        }
        let last = instants.len() - 1;
        let row = |at: u64| instants.partition_point(|instant| *instant < at).min(last);
        let columns = (most.saturating_sub(NAME + MARGIN) / COLUMN).max(1);
        let mut bars: Vec<Bar> = Vec::new();
        for wait in waits {
            let (begins, ends) =
                ((row(wait.arrived_ns), words::message(wait.message)), row(wait.released_ns));
            if bars.len() < columns {
                bars.push(Bar { begins: vec![begins], ends });
            } else if let Some(shared) = bars.last_mut() {
                shared.begins.push(begins);
                shared.ends = shared.ends.max(ends);
            }
        }
        let width = (bars.len() * COLUMN + NAME + MARGIN).min(most);
        Self { bars, width }
    }

    /// Columns that they take; 0 if nothing waits.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// What stands beside a row.
    pub(super) fn draw(&self, row: usize, marks: &Marks) -> String {
        let mut line = " ".repeat(MARGIN);
        let mut names: Vec<&str> = Vec::new();
        for bar in &self.bars {
            let begun = bar.begins.first().is_some_and(|(first, _)| *first <= row);
            let new = bar.begins.iter().filter(|(begins, _)| *begins == row).map(|(_, name)| name.as_str());
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
            line.push_str(&names.join(", "));
        } else if self.bars.iter().map(|bar| bar.ends).max() == Some(row) {
            line.push_str(" released");
        }
        cut(&line, self.width)
    }
}
