//! The table of `properties`, schema `wirelab-properties/1`.

use serde::{Deserialize, Serialize};

/// The schema number of a [`PropertyTable`].
pub const PROPERTIES_SCHEMA: &str = "wirelab-properties/1";

/// Claims about transports, each decided by runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyTable {
    /// [`PROPERTIES_SCHEMA`].
    pub schema: String,
    /// The version of wirelab that measured.
    pub version: String,
    /// The claims, in the order of the table.
    pub rows: Vec<PropertyRow>,
}

/// A claim and the outcome for each transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyRow {
    /// The claim.
    pub claim: String,
    /// What was done, and how the outcome was counted.
    pub how: String,
    /// A cell for each transport.
    pub cells: Vec<PropertyCell>,
}

/// The outcome of one row for one transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyCell {
    /// The claim.
    pub row: String,
    /// The transport.
    pub transport: String,
    /// The path of the run.
    pub path: String,
    /// The outcome. `None` if the run was not made.
    pub answer: Option<Answer>,
    /// Why the run was not made.
    pub problem: Option<String>,
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The outcome as a word or a figure.
    pub value: String,
    /// What was counted.
    pub detail: String,
}

impl PropertyTable {
    /// A table of this version.
    pub(crate) fn new(rows: Vec<PropertyRow>) -> Self {
        Self { schema: PROPERTIES_SCHEMA.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), rows }
    }

    /// Every cell, row by row.
    pub fn cells(&self) -> impl Iterator<Item = &PropertyCell> {
        self.rows.iter().flat_map(|row| &row.cells)
    }
}

impl PropertyCell {
    /// The outcome as a word or a figure, or that there was no run.
    pub fn value(&self) -> &str {
        self.answer.as_ref().map_or("not run", |answer| &answer.value)
    }

    /// What was counted, or why there was no run.
    pub fn detail(&self) -> &str {
        self.answer
            .as_ref()
            .map(|answer| &answer.detail)
            .or(self.problem.as_ref())
            .map_or("", |detail| detail)
    }
}
