//! The JSON service (RFC 8259): replies to each request with one line of JSON.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use crate::unit::without_place;

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
            let failure =
                Failure { status: "error", error: &without_place(&e), line: e.line(), column: e.column() };
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
