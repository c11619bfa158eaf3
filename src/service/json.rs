//! The JSON service (RFC 8259): replies to each request with one line of JSON.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use serde::Serialize;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can express.
const LAST_SECOND: u64 = 253_402_300_799;

#[derive(Serialize)]
struct Failure<'a> {
    status: &'a str,
    error: &'a str,
    line: usize,
    column: usize,
}

/// Appends the reply to `request`. serde_json limits the nesting to 128 levels; the caller limits the length.
pub(super) fn answer(request: &[u8], received: Duration, reply: &mut Vec<u8>) {
    match serde_json::from_slice::<serde_json::Value>(request) {
        Ok(_) => {
            reply.extend_from_slice(b"{\"status\":\"ok\",\"value\":");
            compact(request, reply);
            reply.extend_from_slice(format!(",\"received\":\"{}\"}}", rfc3339(received)).as_bytes());
        }
        Err(e) => {
            let (line, column) = (e.line(), e.column());
            let text = e.to_string();
            let place = format!(" at line {line} column {column}");
            let error = text.strip_suffix(&place).unwrap_or(&text);
            let failure = Failure { status: "error", error, line, column };
            // Writing strings and numbers to memory cannot fail.
            let _ = serde_json::to_writer(reply, &failure);
        }
    }
}

/// Appends `json`, which is known to be valid, without the white space between its tokens. The text is not parsed and
/// written again, so numbers keep all digits and keys keep their order.
fn compact(json: &[u8], out: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if !in_string && matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        }
        out.push(byte);
        in_string ^= byte == b'"' && !escaped;
        escaped = in_string && byte == b'\\' && !escaped;
    }
}

fn rfc3339(since_epoch: Duration) -> impl Display {
    let last = Duration::new(LAST_SECOND, 999_999_999);
    humantime::format_rfc3339_nanos(SystemTime::UNIX_EPOCH + since_epoch.min(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(request: &[u8]) -> String {
        let mut reply = Vec::new();
        answer(request, Duration::new(1_800_000_000, 5), &mut reply);
        String::from_utf8(reply).unwrap()
    }

    #[test]
    fn a_value_is_returned_on_one_line_with_the_time_of_its_reception() {
        assert_eq!(
            reply(b"{\n  \"z\": [1, 2.50],\n  \"a\": \"x \\\" y\\\\\"\n}\n"),
            "{\"status\":\"ok\",\"value\":{\"z\":[1,2.50],\"a\":\"x \\\" y\\\\\"},\
             \"received\":\"2027-01-15T08:00:00.000000005Z\"}"
        );
    }

    #[test]
    fn numbers_keep_all_digits() {
        let number = "123456789012345678901234567890.00";
        assert!(reply(number.as_bytes()).contains(&format!("\"value\":{number},")));
    }

    #[test]
    fn an_error_states_line_and_column() {
        assert_eq!(
            reply(b"{\"a\":\n x}"),
            "{\"status\":\"error\",\"error\":\"expected value\",\"line\":2,\"column\":2}"
        );
        assert!(reply(b"").contains("\"line\":1,\"column\":0"), "{}", reply(b""));
        assert!(reply(b"\"\xff\"").contains("\"status\":\"error\""));
    }

    #[test]
    fn nesting_is_limited() {
        let deep = "[".repeat(100_000);
        assert!(reply(deep.as_bytes()).contains("recursion limit exceeded"));
    }

    #[test]
    fn every_time_can_be_written() {
        assert_eq!(rfc3339(Duration::MAX).to_string(), "9999-12-31T23:59:59.999999999Z");
    }

    proptest! {
        #[test]
        fn every_reply_is_one_line_of_json(request in prop::collection::vec(any::<u8>(), 0..60)) {
            let reply = reply(&request);
            prop_assert!(!reply.contains('\n'));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&reply).is_ok());
        }

        #[test]
        fn strings_are_returned_unchanged(text in any::<String>()) {
            let request = serde_json::to_string_pretty(&[&text]).unwrap();
            let reply: serde_json::Value = serde_json::from_str(&reply(request.as_bytes())).unwrap();
            prop_assert_eq!(reply["value"][0].as_str(), Some(text.as_str()));
        }
    }
}
