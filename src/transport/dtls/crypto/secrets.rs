//! The secrets of a handshake, for a key log with which other programs decrypt a capture.
//!
//! dimpl does not export them. It derives each with the HMAC of `digests.rs`, which passes them to [`note`].

use std::cell::RefCell;

use rustls::KeyLog;

use crate::transport::dtls::record::Random;

thread_local! {
    /// Secrets derived on this thread. `None` outside [`logged_to`].
    static DERIVED: RefCell<Option<Vec<Secret>>> = const { RefCell::new(None) };
}

/// A secret of one connection.
struct Secret {
    /// Its name in a key log (draft-ietf-tls-keylogfile).
    label: &'static str,
    bytes: Vec<u8>,
}

/// Runs `act`, and logs the secrets that it derives. `random` identifies the connection: it is the random value of its
/// client's hello.
pub(in crate::transport::dtls) fn logged_to<T>(
    key_log: Option<&dyn KeyLog>,
    random: &Random,
    act: impl FnOnce() -> T,
) -> T {
    let Some(key_log) = key_log else { return act() };
    DERIVED.set(Some(Vec::new()));
    let done = act();
    for Secret { label, bytes } in DERIVED.take().unwrap_or_default() {
        key_log.log(label, random, &bytes);
    }
    done
}

/// The secrets of DTLS 1.3: label in the key schedule (RFC 8446 section 7.1), and label in a key log.
const TRAFFIC: [(&[u8], &str); 4] = [
    (b"c hs traffic", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
    (b"s hs traffic", "SERVER_HANDSHAKE_TRAFFIC_SECRET"),
    (b"c ap traffic", "CLIENT_TRAFFIC_SECRET_0"),
    (b"s ap traffic", "SERVER_TRAFFIC_SECRET_0"),
];
/// The label of DTLS 1.2's master secret in a key log.
const MASTER: &str = "CLIENT_RANDOM";
/// Length of the master secret (RFC 5246 section 8.1).
const MASTER_BYTES: usize = 48;

/// Records `tag`, the HMAC of `data`, if it is a secret or a part of one.
pub(super) fn note(data: &[u8], tag: &[u8]) {
    DERIVED.with_borrow_mut(|derived| {
        let Some(derived) = derived else { return };
        if let Some(label) = traffic(data) {
            derived.push(Secret { label, bytes: tag.to_vec() });
        } else if is_part_of_master(data, tag.len()) {
            match derived.last_mut() {
                Some(Secret { label: MASTER, bytes }) if bytes.len() < MASTER_BYTES => {
                    bytes.extend(tag.iter().take(MASTER_BYTES - bytes.len()));
                }
                _ => derived.push(Secret { label: MASTER, bytes: tag.to_vec() }),
            }
        }
    });
}

/// The label in a key log of the traffic secret that is expanded with `data`. `None` if `data` is not the HkdfLabel of
/// one, with the prefix of DTLS 1.3 (RFC 9147 section 5.9).
fn traffic(data: &[u8]) -> Option<&'static str> {
    let (length, rest) = data.get(2..)?.split_first()?;
    let name = rest.get(..usize::from(*length))?.strip_prefix(b"dtls13")?;
    TRAFFIC.iter().find(|(known, _)| *known == name).map(|(_, label)| *label)
}

/// Whether the HMAC of `data` is a part of DTLS 1.2's master secret: `data` is the PRF's A(i), of `tag` bytes, followed
/// by the label of the master secret (RFC 5246 section 5, RFC 7627 section 4).
fn is_part_of_master(data: &[u8], tag: usize) -> bool {
    let labels: [&[u8]; 2] = [b"master secret", b"extended master secret"];
    data.get(tag..).is_some_and(|seeded| labels.iter().any(|label| seeded.starts_with(label)))
}
