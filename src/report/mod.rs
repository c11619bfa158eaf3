//! Results and how they are shown.
//!
//! [`model`] is the result file, schema `wirelab/1`, which `docs/result.schema.json` describes.
//! Every renderer is a pure function from it to text, so that a saved file shows exactly what the
//! run that wrote it showed.

mod flag;
mod json;
pub mod model;
mod ratio;

pub use flag::Flag;
pub use json::{LoadError, MAX_BYTES, from_json, to_json};
pub use model::*;
pub use ratio::Ratio;
