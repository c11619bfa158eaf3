//! Durations: `200us`, `2.5ms`, `1m30s`.

use std::time::Duration;

use serde::Serializer;

use super::{
    UnitError,
    decimal::{Notation, split, trimmed},
    error::shown,
};
use crate::unit::nanos;

const NOTATION: Notation = Notation {
    name: "duration",
    example: "50ms, 1.5s or 1m30s",
    finest: "1ns",
    max: 365 * 86_400 * 1_000_000_000,
    max_text: "365d",
    units: &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60 * 1_000_000_000),
        ("min", 60 * 1_000_000_000),
        ("h", 3_600 * 1_000_000_000),
        ("d", 86_400 * 1_000_000_000),
    ],
    known: "ns, us, ms, s, m, h or d",
};

/// Parses a duration above zero; see [`parse_duration`].
///
/// Fails like [`parse_duration`], and for 0.
pub fn parse_positive_duration(text: &str) -> Result<Duration, UnitError> {
    parse_duration(text).and_then(|time| if time.is_zero() { Err(UnitError::ZeroDuration) } else { Ok(time) })
}

/// Parses a duration such as `10ms`, `2.5ms` or `1m30s`, exact to the nanosecond. `0` needs no unit.
///
/// Returns [`UnitError`] if the unit is missing or unknown, or if the duration is finer than 1 ns or over 365 days.
///
/// ```
/// # use std::time::Duration;
/// # use wirelab::unit::parse_duration;
/// assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert_eq!(
///     parse_duration("50").unwrap_err().to_string(),
///     "`50` has no unit: write 50ms or 50s"
/// );
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let whole = text.trim();
    NOTATION.refuse_negative(whole)?;
    let mut rest = whole;
    let mut total: u64 = 0;
    loop {
        let (number, after) = split(rest);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        // `M` is not minutes: elsewhere it is mega, as in iperf3's window `-w 1M`.
        if unit.trim() == "M" {
            return Err(UnitError::UnknownUnit {
                text: shown(whole),
                unit: "M".to_owned(),
                known: NOTATION.known,
            });
        }
        if unit.is_empty() && !number.is_empty() {
            NOTATION.steps(whole, number, 1)?;
            if rest == whole && number.chars().all(|c| c == '0') {
                return Ok(Duration::ZERO);
            }
            let hint = if rest == whole {
                format!("{0}ms or {0}s", shown(number))
            } else {
                format!("a unit after {}", shown(number))
            };
            return Err(UnitError::NoUnit { text: shown(whole), hint });
        }
        let nanos = NOTATION.term(whole, number, unit.trim_end())?;
        total = NOTATION.bounded(whole, total.saturating_add(nanos))?;
        if next.is_empty() {
            return Ok(Duration::from_nanos(total));
        }
        rest = next;
    }
}

/// Formats a duration exactly, in the largest of `ns`, `us`, `ms` and `s` that it reaches: `1.5s`.
///
/// [`parse_duration`] parses the result to the same value.
pub fn format_duration(duration: Duration) -> String {
    let nanos = nanos(duration);
    let (scale, unit) = match nanos {
        0 => (1_000_000, "ms"),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    trimmed(nanos, scale) + unit
}

/// Serializes a duration as an integer number of nanoseconds, for `#[serde(serialize_with)]`.
///
/// Returns the serializer's error.
pub(crate) fn serialize_nanos<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(nanos(*duration))
}
