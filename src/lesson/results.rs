//! The results of a lesson's commands.

use crate::report::{
    Cell, Figure, ResultFile,
    episode::{Episode, Wait},
    figure_of, labelled_cells,
};

/// The results of a lesson's commands, in the order of the commands.
#[derive(Debug)]
pub struct Results {
    runs: Vec<Run>,
}

/// The result of one command.
#[derive(Debug)]
pub(super) struct Run {
    /// The command, as it is typed.
    pub(super) typed: String,
    pub(super) file: ResultFile,
    /// The episodes of its ladder.
    pub(super) episodes: Vec<Episode>,
}

impl Results {
    pub(super) fn new(runs: Vec<Run>) -> Self {
        Self { runs }
    }

    /// The result files, in the order of the commands.
    pub fn files(&self) -> impl Iterator<Item = &ResultFile> {
        self.runs.iter().map(|run| &run.file)
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// A row of a result, by its label.
    pub(super) fn cell(&self, run: usize, row: &str) -> Option<&Cell> {
        let cells = labelled_cells(&self.runs.get(run)?.file);
        cells.into_iter().find(|(_, label)| label == row).map(|(cell, _)| cell)
    }

    /// A figure of a row, by the title of its column.
    pub(super) fn get(&self, run: usize, row: &str, column: &str) -> Option<Figure> {
        figure_of(self.cell(run, row)?, column)
    }

    /// The same figure as a number: shares from 0 to 1, times in nanoseconds.
    pub(super) fn number(&self, run: usize, row: &str, column: &str) -> Option<f64> {
        self.get(run, row, column)?.height()
    }

    /// An episode of the first run.
    pub(super) fn episode(&self, index: usize) -> Option<&Episode> {
        self.runs.first()?.episodes.get(index)
    }

    /// The longest wait of an episode.
    pub(super) fn longest_wait(&self, index: usize) -> Option<u64> {
        let wait = |wait: &Wait| wait.released_ns - wait.arrived_ns;
        self.episode(index)?.waits.iter().map(wait).max()
    }

    /// The time from when the subject of an episode first entered the wire until it arrived.
    pub(super) fn recovery(&self, index: usize) -> Option<u64> {
        let subject = self.episode(index)?.subject;
        Some(subject.arrived_ns? - subject.entered_ns)
    }
}

/// Whether two numbers differ by at most `part` times the larger.
pub(super) fn is_near(a: f64, b: f64, part: f64) -> bool {
    (a - b).abs() <= part * a.max(b)
}
