//! Values as they are written on the command line.

use std::time::Duration;

use wirelab::units::Size;

/// A duration such as `10ms` or `1m30s`. What a bare number means nobody can know.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text.parse::<f64>().is_ok() {
        return Err(format!("which unit? write {text}ms or {text}s"));
    }
    humantime::parse_duration(text).map_err(|e| format!("{e}; write it like 10ms, 2s or 1m30s"))
}

/// A number of bytes such as `1200` or `64KiB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let size: Size = text.parse().map_err(|e| format!("{e}; write it like 1200, 64KB or 64KiB"))?;
    usize::try_from(size.bytes()).map_err(|e| e.to_string())
}
