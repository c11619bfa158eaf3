//! Results and how they are shown.
//!
//! [`model`] is the result file, schema `wirelab/1`, which `docs/result.schema.json` describes.
//! Every renderer is a pure function from it to text, so that a saved file shows exactly what the
//! run that wrote it showed.

mod closing;
mod csv;
mod differences;
mod explain;
mod flag;
mod handshake;
mod json;
mod ladder;
mod markdown;
pub mod model;
mod ratio;
mod table;
mod teach;
mod text;
mod words;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use csv::to_csv;
pub use explain::explain_hol;
pub use flag::Flag;
pub use json::{LoadError, MAX_BYTES, from_json, to_json};
pub use ladder::{LadderOptions, to_ladder};
pub use markdown::to_markdown;
pub use model::*;
pub use ratio::Ratio;
pub use text::{TextOptions, to_text};
