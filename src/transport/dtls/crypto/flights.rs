//! The handshake messages that were encrypted, for the tap: whether a record repeats one shows only in its plaintext.

use std::{cell::RefCell, collections::VecDeque};

use dimpl::crypto::{Aad, Buf};

use crate::transport::dtls::record::{self, Part};

/// Records kept. A connection sends a flight of fewer at once.
const KEPT: usize = 64;
/// The authentication tag that a record ends with.
const TAG: usize = 16;

/// The tag of a record.
pub(in crate::transport::dtls) type RecordTag = [u8; TAG];

thread_local! {
    /// The latest records with handshake messages that this thread has encrypted, and the parts of messages in them.
    static SEALED: RefCell<VecDeque<(RecordTag, Vec<Part>)>> = const { RefCell::new(VecDeque::new()) };
}

/// The parts of handshake messages in a record's `plaintext`; none in a record of another type.
pub(super) fn parts(plaintext: &Buf, aad: &Aad) -> Vec<Part> {
    // The additional data of DTLS 1.2 has the type after epoch and number (RFC 6347 section 4.1.2.1). In DTLS 1.3 it is
    // the last byte of the plaintext (RFC 8446 section 5.2).
    let (kind, body) = match (aad.len(), plaintext.split_last()) {
        (13, _) => (aad[8], &**plaintext),
        (_, Some((kind, body))) => (*kind, body),
        (_, None) => return Vec::new(),
    };
    if kind == record::HANDSHAKE { record::parts(body).collect() } else { Vec::new() }
}

/// A record with these `parts` was encrypted to `ciphertext`.
pub(super) fn note(parts: Vec<Part>, ciphertext: &[u8]) {
    let Some(tag) = ciphertext.last_chunk().filter(|_| !parts.is_empty()) else { return };
    SEALED.with_borrow_mut(|sealed| {
        if sealed.len() == KEPT {
            sealed.pop_front();
        }
        sealed.push_back((*tag, parts));
    });
}

/// The parts of handshake messages in the record with this tag, if this thread has encrypted it.
pub(in crate::transport::dtls) fn sealed(tag: &RecordTag) -> Vec<Part> {
    SEALED.with_borrow(|sealed| {
        let known = sealed.iter().rev().find(|(known, _)| known == tag);
        known.map_or_else(Vec::new, |(_, parts)| parts.clone())
    })
}
