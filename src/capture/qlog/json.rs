//! JSON text in both forms of qlog, written once.
//!
//! The two forms of an event differ in few places. [`Json`] writes version 0.3 and keeps the text of the other form for
//! those places. The rest of the other form is copied from version 0.3.

use serde_json::ser::{CompactFormatter, Formatter};

use crate::unit::Time;

/// Names that are a string in JSON without escaping.
type Name = &'static str;

/// A JSON text under construction.
#[derive(Debug, Default)]
pub(super) struct Json {
    /// In version 0.3.
    text: Vec<u8>,
    /// The parts of the other form that differ, concatenated.
    different: Vec<u8>,
    differences: Vec<Difference>,
    /// Whether the next value in this array or object follows another.
    has_previous: bool,
}

/// A place where the forms differ.
#[derive(Debug, Clone, Copy)]
struct Difference {
    /// The range in `text` that is replaced.
    start: usize,
    end: usize,
    /// Where the replacement in `different` ends.
    until: usize,
}

/// A number or a boolean.
pub(super) trait Scalar {
    fn append(self, text: &mut Vec<u8>);
}

impl Scalar for u64 {
    fn append(self, text: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = CompactFormatter.write_u64(text, self);
    }
}

impl Scalar for u32 {
    fn append(self, text: &mut Vec<u8>) {
        u64::from(self).append(text);
    }
}

impl Scalar for u16 {
    fn append(self, text: &mut Vec<u8>) {
        u64::from(self).append(text);
    }
}

impl Scalar for usize {
    fn append(self, text: &mut Vec<u8>) {
        (self as u64).append(text);
    }
}

impl Scalar for f32 {
    fn append(self, text: &mut Vec<u8>) {
        let _ = CompactFormatter.write_f32(text, self);
    }
}

impl Scalar for bool {
    fn append(self, text: &mut Vec<u8>) {
        text.extend_from_slice(if self { b"true" } else { b"false" });
    }
}

impl Json {
    /// The text in version 0.3.
    pub(super) fn version_03(&self) -> &[u8] {
        &self.text
    }

    /// Appends the text in the other form to `out`.
    pub(super) fn append_sequence(&self, out: &mut Vec<u8>) {
        let (mut from, mut replaced) = (0, 0);
        for Difference { start, end, until } in &self.differences {
            out.extend_from_slice(&self.text[from..*start]);
            out.extend_from_slice(&self.different[replaced..*until]);
            (from, replaced) = (*end, *until);
        }
        out.extend_from_slice(&self.text[from..]);
    }

    /// Empties it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.different.clear();
        self.differences.clear();
        self.has_previous = false;
    }

    /// Writes `version_03` in version 0.3, and `sequence` in the other form. Only where a field or an item precedes,
    /// one of them may write nothing.
    pub(super) fn either(&mut self, version_03: impl FnOnce(&mut Self), sequence: impl FnOnce(&mut Self)) {
        let (start, has_previous) = (self.text.len(), self.has_previous);
        version_03(self);
        let end = self.text.len();
        self.has_previous = has_previous;
        sequence(self);
        self.has_previous = true;
        self.different.extend_from_slice(&self.text[end..]);
        self.text.truncate(end);
        self.differences.push(Difference { start, end, until: self.different.len() });
    }

    /// Begins an object or, with `[`, an array.
    pub(super) fn open(&mut self, bracket: u8) {
        self.separate();
        self.begin(bracket);
    }

    /// Ends an object or an array.
    pub(super) fn close(&mut self, bracket: u8) {
        self.text.push(bracket);
        self.has_previous = true;
    }

    /// Begins the object or array that is the field `name`.
    pub(super) fn open_field(&mut self, name: Name, bracket: u8) {
        self.name(name);
        self.begin(bracket);
    }

    fn begin(&mut self, bracket: u8) {
        self.text.push(bracket);
        self.has_previous = false;
    }

    /// A number or a boolean.
    pub(super) fn field(&mut self, name: Name, value: impl Scalar) {
        self.name(name);
        value.append(&mut self.text);
    }

    /// A number in an array.
    pub(super) fn item(&mut self, value: u64) {
        self.separate();
        value.append(&mut self.text);
    }

    /// A string in an array that needs no escaping.
    pub(super) fn plain_item(&mut self, value: &str) {
        self.separate();
        self.quote(value.as_bytes());
    }

    /// A string that needs no escaping.
    pub(super) fn plain(&mut self, name: Name, value: &str) {
        self.name(name);
        self.quote(value.as_bytes());
    }

    /// A string.
    pub(super) fn string(&mut self, name: Name, value: &str) {
        self.name(name);
        // Writing a string to memory does not fail.
        let _ = serde_json::to_writer(&mut self.text, value);
    }

    /// Bytes as hexadecimal digits.
    pub(super) fn hex(&mut self, name: Name, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.name(name);
        self.text.push(b'"');
        for byte in bytes {
            self.text.push(DIGITS[usize::from(byte >> 4)]);
            self.text.push(DIGITS[usize::from(byte & 0xf)]);
        }
        self.text.push(b'"');
    }

    /// A duration in milliseconds: exact, without trailing zeros.
    pub(super) fn millis(&mut self, name: Name, nanos: u64) {
        self.name(name);
        (nanos / 1_000_000).append(&mut self.text);
        let (mut rest, mut digits, mut kept) = ((nanos % 1_000_000) as u32, [b'0'; 6], 1);
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            let value = (rest % 10) as u8;
            *digit += value;
            rest /= 10;
            if value > 0 {
                kept = kept.max(place + 1);
            }
        }
        self.text.push(b'.');
        self.text.extend_from_slice(&digits[..kept]);
    }

    /// An instant in milliseconds, as a field `time`.
    pub(super) fn time(&mut self, at: Time) {
        self.millis("time", at.as_nanos());
    }

    fn quote(&mut self, value: &[u8]) {
        self.text.push(b'"');
        self.text.extend_from_slice(value);
        self.text.push(b'"');
    }

    fn name(&mut self, name: Name) {
        self.separate();
        self.quote(name.as_bytes());
        self.text.push(b':');
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.has_previous, true) {
            self.text.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(text: &[u8]) -> Value {
        serde_json::from_slice(text).unwrap()
    }

    fn sequence(json: &Json) -> Vec<u8> {
        let mut text = Vec::new();
        json.append_sequence(&mut text);
        text
    }

    #[test]
    fn objects_and_arrays_nest_and_times_are_exact() {
        let mut json = Json::default();
        json.open(b'{');
        json.time(Time::from_nanos(1_000_001));
        json.millis("rtt", 50_000_000);
        json.millis("delay", 1_020_300);
        json.string("reason", "a \"quoted\"\nline");
        json.hex("id", &[0xab, 1]);
        json.open_field("ranges", b'[');
        for first in [1, 5] {
            json.open(b'[');
            json.item(first);
            json.item(first + 1);
            json.close(b']');
        }
        json.close(b']');
        json.field("fin", true);
        json.field("threshold", 1.125f32);
        json.close(b'}');
        let expected = json!({
            "time": 1.000001, "rtt": 50.0, "delay": 1.0203, "reason": "a \"quoted\"\nline", "id": "ab01",
            "ranges": [[1, 2], [5, 6]], "fin": true, "threshold": 1.125,
        });
        assert_eq!(parsed(json.version_03()), expected);
        assert_eq!(sequence(&json), json.version_03());
    }

    #[test]
    fn the_forms_differ_where_they_are_told_to() {
        let mut json = Json::default();
        json.open(b'{');
        json.either(|json| json.field("owner", 1u32), |json| json.field("initiator", 2u32));
        json.field("both", 3u32);
        json.open_field("list", b'[');
        json.either(|json| json.item(4), |json| (5..7).for_each(|item| json.item(item)));
        json.close(b']');
        json.either(|json| json.field("old", true), |_| {});
        json.close(b'}');
        assert_eq!(parsed(json.version_03()), json!({"owner": 1, "both": 3, "list": [4], "old": true}));
        assert_eq!(parsed(&sequence(&json)), json!({"initiator": 2, "both": 3, "list": [5, 6]}));
    }
}
