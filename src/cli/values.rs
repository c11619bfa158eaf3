//! Values as they are written on the command line.

use std::time::Duration;

use wirelab::unit::{Size, parse_duration};

/// A duration such as `10ms` or `1m30s`. What a bare number means nobody can know.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|e| e.to_string())
}

/// A duration that is some time: a limit of none at all would refuse everything.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("no time at all is too short".to_owned()),
        some => Ok(some),
    }
}

/// A number of bytes such as `1200` or `64KiB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let size: Size = text.parse().map_err(|e| format!("{e}; write it like 1200, 64KB or 64KiB"))?;
    usize::try_from(size.bytes()).map_err(|e| e.to_string())
}
