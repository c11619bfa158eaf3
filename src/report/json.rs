//! The result file as JSON.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::model::{PROPERTIES_SCHEMA, PropertyTable, ResultFile, SCHEMA};

/// The largest file that is read. A cell takes a few kilobytes, so this allows many thousands.
pub const MAX_BYTES: usize = 64 << 20;

/// Why a file could not be read as a result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than any result file.
    #[error("{bytes} bytes is too large for a result file (at most {MAX_BYTES})")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but not a result.
    #[error("not a wirelab result: no string `schema` at the top level")]
    NoSchema,
    /// A result of another schema.
    #[error("unsupported schema {found:?}: this version reads {SCHEMA:?} and {PROPERTIES_SCHEMA:?}")]
    OtherSchema {
        /// The schema in the file.
        found: String,
    },
    /// The table of `properties`, where the result of an experiment is expected.
    #[error("a table of properties, not the result of an experiment")]
    NotExperiment,
    /// The right schema, but a field is missing or has the wrong type.
    #[error("not a valid {schema} result: {error}")]
    Invalid {
        /// The schema.
        schema: &'static str,
        /// The field and its line.
        #[source]
        error: serde_json::Error,
    },
}

/// A file that was saved as JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// The result of an experiment.
    Result(Box<ResultFile>),
    /// The table of `properties`.
    Properties(PropertyTable),
}

/// The result as JSON, indented by two spaces, with a newline at the end.
pub fn to_json(file: &ResultFile) -> String {
    indented(file)
}

/// The table of `properties` as JSON, formatted as in [`to_json`].
pub(super) fn properties_to_json(table: &PropertyTable) -> String {
    indented(table)
}

fn indented(file: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(file).expect("all keys are strings and all numbers finite");
    text.push('\n');
    text
}

/// Reads the result file of an experiment.
///
/// Returns an error as [`load`] does, or if the file is a table of `properties`.
pub fn from_json(bytes: &[u8]) -> Result<ResultFile, LoadError> {
    match load(bytes)? {
        Saved::Result(file) => Ok(*file),
        Saved::Properties(_) => Err(LoadError::NotExperiment),
    }
}

/// Reads a file that any command has saved as JSON.
///
/// Returns an error if the file is too large, is not JSON, has another schema, or lacks a field. The error names the
/// field and its line.
pub fn load(bytes: &[u8]) -> Result<Saved, LoadError> {
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    // The schema comes first: a file of another schema may lack everything else.
    let document: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| if error.is_data() { LoadError::NoSchema } else { LoadError::NotJson(error) })?;
    match document.get("schema") {
        // Parsed from the text again, so that the error has a line number.
        Some(Value::String(schema)) if schema == SCHEMA => parsed(bytes, SCHEMA).map(Saved::Result),
        Some(Value::String(schema)) if schema == PROPERTIES_SCHEMA => {
            parsed(bytes, PROPERTIES_SCHEMA).map(Saved::Properties)
        }
        Some(Value::String(found)) => Err(LoadError::OtherSchema { found: found.chars().take(40).collect() }),
        _ => Err(LoadError::NoSchema),
    }
}

fn parsed<T: DeserializeOwned>(bytes: &[u8], schema: &'static str) -> Result<T, LoadError> {
    serde_json::from_slice(bytes).map_err(|error| LoadError::Invalid { schema, error })
}
