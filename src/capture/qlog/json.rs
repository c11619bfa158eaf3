//! JSON text, written piece by piece, so that a long trace is never in memory as a whole.

use std::fmt::{Display, Write as _};

use crate::unit::Time;

/// A JSON text under construction. Names must need no escaping.
#[derive(Debug, Default)]
pub(super) struct Json {
    text: String,
}

impl Json {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
    }

    /// Begins an object or, with `[`, an array.
    pub(super) fn open(&mut self, bracket: char) {
        self.separate();
        self.text.push(bracket);
    }

    pub(super) fn close(&mut self, bracket: char) {
        self.text.push(bracket);
    }

    /// Begins the object or array that is the field `name`.
    pub(super) fn open_field(&mut self, name: &str, bracket: char) {
        self.name(name);
        self.text.push(bracket);
    }

    /// A number or a boolean.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _ = write!(self.text, "{value}");
    }

    /// A number in an array.
    pub(super) fn item(&mut self, value: impl Display) {
        self.separate();
        let _ = write!(self.text, "{value}");
    }

    /// A string in an array that needs no escaping.
    pub(super) fn plain_item(&mut self, value: &str) {
        self.separate();
        let _ = write!(self.text, "\"{value}\"");
    }

    /// A string that needs no escaping.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _ = write!(self.text, "\"{value}\"");
    }

    /// A string.
    pub(super) fn string(&mut self, name: &str, value: &str) {
        self.field(name, serde_json::Value::from(value));
    }

    /// Bytes as hexadecimal digits.
    pub(super) fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.text.push('"');
        self.hex_digits(bytes);
        self.text.push('"');
    }

    /// A duration in milliseconds.
    pub(super) fn millis(&mut self, name: &str, nanos: u64) {
        self.name(name);
        self.millis_value(nanos);
    }

    /// An instant in milliseconds, as a field `time`.
    pub(super) fn time(&mut self, at: Time) {
        self.millis("time", at.as_nanos());
    }

    fn hex_digits(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let _ = write!(self.text, "{byte:02x}");
        }
    }

    /// Exact, without trailing zeros.
    fn millis_value(&mut self, nanos: u64) {
        let _ = write!(self.text, "{}.{:06}", nanos / 1_000_000, nanos % 1_000_000);
        let digits = self.text.trim_end_matches('0').len();
        self.text.truncate(digits);
        if self.text.ends_with('.') {
            self.text.push('0');
        }
    }

    fn name(&mut self, name: &str) {
        self.separate();
        let _ = write!(self.text, "\"{name}\":");
    }

    fn separate(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(['{', '[', ':']) {
            self.text.push(',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_arrays_nest_and_times_are_exact() {
        let mut json = Json::default();
        json.open('{');
        json.time(Time::from_nanos(1_000_001));
        json.millis("rtt", 50_000_000);
        json.string("reason", "a \"quoted\"\nline");
        json.hex("id", &[0xab, 1]);
        json.open_field("ranges", '[');
        for first in [1, 5] {
            json.open('[');
            json.item(first);
            json.item(first + 1);
            json.close(']');
        }
        json.close(']');
        json.field("fin", true);
        json.close('}');
        let expected = serde_json::json!({
            "time": 1.000001, "rtt": 50.0, "reason": "a \"quoted\"\nline", "id": "ab01",
            "ranges": [[1, 2], [5, 6]], "fin": true,
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(json.text()).unwrap(), expected);
    }
}
