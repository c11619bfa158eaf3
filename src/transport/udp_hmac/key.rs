//! The key of transports whose two ends know one.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, MutexGuard},
};

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use ring::hmac;

use super::senders::Senders;
use crate::unit::Mutex;

/// Length of a key in bytes: as long as the tag, as RFC 2104 section 3 recommends.
pub(super) const KEY_BYTES: usize = 32;
/// Length of a tag in bytes.
pub(super) const TAG_BYTES: usize = 32;

/// A key for HMAC-SHA-256 (RFC 2104) that both ends know. Its `Debug` output does not show it.
///
/// It remembers who has used it, so that all servers that share it accept a datagram once.
#[derive(Clone)]
pub struct SharedKey(Arc<Inner>);

struct Inner {
    hmac: hmac::Key,
    senders: Mutex<Senders>,
}

impl SharedKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        Self(Arc::new(Inner { hmac, senders: Mutex::default() }))
    }

    /// Appends the tag of `message` to it.
    pub(super) fn sign(&self, message: &mut Vec<u8>) {
        let tag = hmac::sign(&self.0.hmac, message);
        message.extend_from_slice(tag.as_ref());
    }

    /// Whether `tag` is the tag of `message`. Takes the same time wherever they differ.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0.hmac, message, tag).is_ok()
    }

    pub(super) fn senders(&self) -> MutexGuard<'_, Senders> {
        self.0.senders.lock()
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey")
    }
}

/// A text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected {KEY_BYTES} bytes in hex or base64")]
pub struct InvalidKey;

impl FromStr for SharedKey {
    type Err = InvalidKey;

    /// Parses 32 bytes in hex or base64 (RFC 4648 sections 8 and 4). White space around them is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim().as_bytes();
        let bytes =
            HEXLOWER_PERMISSIVE.decode(text).or_else(|_| BASE64.decode(text)).map_err(|_| InvalidKey)?;
        bytes.first_chunk().filter(|_| bytes.len() == KEY_BYTES).map(Self::new).ok_or(InvalidKey)
    }
}

/// Random bytes for a new key, in hex.
///
/// Returns an error if the system provides no randomness.
pub(crate) fn generate_key() -> Result<String, ring::error::Unspecified> {
    let bytes = ring::rand::generate::<[u8; KEY_BYTES]>(&ring::rand::SystemRandom::new())?;
    Ok(HEXLOWER.encode(&bytes.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 section 4.3, with the key padded with zeros, which HMAC does anyway (RFC 2104 section 2).
    #[test]
    fn tags_are_those_of_the_standard() {
        let mut key = [0; KEY_BYTES];
        key[..4].copy_from_slice(b"Jefe");
        let mut message = b"what do ya want for nothing?".to_vec();
        let length = message.len();
        SharedKey::new(&key).sign(&mut message);
        assert_eq!(
            HEXLOWER.encode(&message[length..]),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_key_is_32_bytes_in_hex_or_base64() {
        let hex = generate_key().unwrap();
        let base64 = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).unwrap());
        let mut message = b"message".to_vec();
        hex.parse::<SharedKey>().unwrap().sign(&mut message);
        for text in [hex.to_uppercase(), format!("{hex}\n"), base64] {
            let (payload, tag) = message.split_at(7);
            assert!(text.parse::<SharedKey>().unwrap().verify(payload, tag), "{text}");
        }
        for text in ["", "secret", &hex[2..], &format!("{hex}00")] {
            assert_eq!(text.parse::<SharedKey>().unwrap_err(), InvalidKey, "{text}");
        }
    }
}
