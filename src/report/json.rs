//! The result file itself: writing it, and reading it back.

use serde_json::{Map, Value};

use super::model::{ResultFile, SCHEMA};

/// The largest file that is read: a cell takes some kilobytes, so this is a matrix of many
/// thousands.
pub const MAX_BYTES: usize = 64 << 20;

/// Why a file could not be read as a result.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than any result.
    #[error("{bytes} bytes is more than a result file has (at most {MAX_BYTES})")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON at all.
    #[error("this is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON of something else.
    #[error("this is JSON but no wirelab result: it has no text named `schema` at the top")]
    NoSchema,
    /// A result of another schema.
    #[error("the schema is {found:?}, and this version reads {SCHEMA:?}")]
    OtherSchema {
        /// What the file says.
        found: String,
    },
    /// The right schema, and something missing or of the wrong kind.
    #[error("this is no valid {SCHEMA} result: {0}")]
    Invalid(#[source] serde_json::Error),
}

/// The file's bytes: two spaces an indent, a newline at the end.
///
/// A pure function of the result, byte for byte.
pub fn to_json(file: &ResultFile) -> String {
    let mut text = serde_json::to_string_pretty(file).expect("all keys are strings and all numbers finite");
    text.push('\n');
    text
}

/// Reads a result file.
///
/// # Errors
///
/// Names what is wrong: too large, not JSON, another schema, or which field is missing or of the
/// wrong kind, with its line.
pub fn from_json(bytes: &[u8]) -> Result<ResultFile, LoadError> {
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    // The schema first: a file of another one may lack anything else.
    let document: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| if error.is_data() { LoadError::NoSchema } else { LoadError::NotJson(error) })?;
    match document.get("schema") {
        // From the text again and not from the document: the error then has a line.
        Some(Value::String(schema)) if schema == SCHEMA => {
            serde_json::from_slice(bytes).map_err(LoadError::Invalid)
        }
        Some(Value::String(found)) => Err(LoadError::OtherSchema { found: found.chars().take(40).collect() }),
        _ => Err(LoadError::NoSchema),
    }
}
