//! What the first record of a datagram tells before anything is decrypted.

/// Bytes that a record of DTLS 1.3 adds to its payload: a header with a 16-bit number and a length, the content type
/// and the tag of the AEAD (RFC 9147 section 4).
pub(super) const OVERHEAD: usize = 5 + 1 + 16;
/// The longest payload of a record (RFC 8446 section 5.1).
pub(super) const MAX_PLAINTEXT: usize = 1 << 14;

/// Content types (RFC 5246 section 6.2.1, RFC 9147 section 4.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const ACK: u8 = 26;
/// Handshake messages (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// Header of a plaintext record (RFC 6347 section 4.1).
const HEADER: usize = 13;
/// Header of a handshake message (RFC 6347 section 4.2.2).
const MESSAGE_HEADER: usize = 12;
/// The two bytes of a hello before its random value.
const VERSION: usize = 2;

/// A part of a handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The message's number (RFC 9147 section 5.2).
    pub(super) message: u16,
    /// The offset of the first byte.
    pub(super) start: u32,
    /// The offset after the last byte.
    pub(super) end: u32,
    /// Whether that is the end of the message.
    pub(super) is_last: bool,
}

/// The random value of a hello: the same in all copies of it, and in the second hello of one handshake.
pub(super) type Random = [u8; 32];

/// The `random` of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY: Random = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The random value of the ClientHello that the datagram begins with.
pub(super) fn client_hello(datagram: &[u8]) -> Option<Random> {
    hello(datagram, CLIENT_HELLO)
}

/// Whether the datagram has a ServerHello other than a HelloRetryRequest: the client has sent the right cookie. The
/// datagram may begin with an earlier answer that is sent again.
pub(super) fn accepts_client(mut datagram: &[u8]) -> bool {
    while let Some(length) = record_length(datagram) {
        if hello(datagram, SERVER_HELLO).is_some_and(|random| random != RETRY) {
            return true;
        }
        datagram = datagram.get(HEADER + length..).unwrap_or_default();
    }
    false
}

/// Whether the datagram may be a server's first answer.
pub(super) fn answers_client(datagram: &[u8]) -> bool {
    matches!(message(datagram), Some((SERVER_HELLO | HELLO_VERIFY_REQUEST, _)))
}

/// Whether the datagram belongs to a handshake: a plaintext record that is neither an alert nor a payload of DTLS 1.2,
/// or a record of the handshake's epoch (RFC 9147 section 6.1).
pub(super) fn is_of_handshake(datagram: &[u8]) -> bool {
    match datagram.first() {
        Some(&first) if is_encrypted(first) => first & 0b11 == 2,
        Some(&first) => !matches!(first, ALERT | APPLICATION_DATA),
        None => false,
    }
}

/// Whether the datagram begins with a record of a session: payload of DTLS 1.2, or an encrypted record of DTLS 1.3 with
/// another epoch than the handshake's.
pub(super) fn is_of_session(datagram: &[u8]) -> bool {
    is_protected(datagram) && !is_of_handshake(datagram)
}

/// Whether the datagram begins with a record that only the keys of a handshake or of a session can open.
pub(super) fn is_protected(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&first| is_encrypted(first) || first == APPLICATION_DATA)
}

/// Whether the datagram begins with a payload record of DTLS 1.2 that names another version. dimpl does not look.
pub(super) fn names_another_version(datagram: &[u8]) -> bool {
    datagram.first() == Some(&APPLICATION_DATA) && datagram.get(1..3) != Some(&[0xfe, 0xfd])
}

/// Whether the datagram begins with a copy of a handshake message or an acknowledgement, which late copies may be.
pub(super) fn may_be_late(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(&(CHANGE_CIPHER_SPEC | HANDSHAKE | ACK)))
}

/// Whether a record with this first byte has the header of DTLS 1.3 (RFC 9147 section 4).
fn is_encrypted(first: u8) -> bool {
    first >> 5 == 0b001
}

/// The parts of handshake messages in the plaintext of a record.
pub(super) fn parts(mut plaintext: &[u8]) -> impl Iterator<Item = Part> {
    std::iter::from_fn(move || {
        let header = plaintext.first_chunk::<MESSAGE_HEADER>()?;
        let number = |at: usize| u32::from_be_bytes([0, header[at], header[at + 1], header[at + 2]]);
        let (length, start) = (number(1), number(6));
        let end = start + number(9);
        plaintext = plaintext.get(MESSAGE_HEADER + (end - start) as usize..)?;
        let message = u16::from_be_bytes([header[4], header[5]]);
        Some(Part { message, start, end, is_last: end == length })
    })
}

/// The parts of handshake messages in a datagram. `sealed` returns those in the encrypted record with this tag.
pub(super) fn handshake_parts(datagram: &[u8], mut sealed: impl FnMut(&[u8; 16]) -> Vec<Part>) -> Vec<Part> {
    let mut found = Vec::new();
    for record in records(datagram) {
        match record.last_chunk() {
            Some(tag) if has_keys(record) => found.extend(sealed(tag)),
            _ if record[0] == HANDSHAKE => found.extend(parts(record.get(HEADER..).unwrap_or_default())),
            _ => {}
        }
    }
    found
}

/// Whether any record of the datagram needs keys to be opened.
pub(super) fn has_protected(datagram: &[u8]) -> bool {
    records(datagram).any(has_keys)
}

/// Whether a record is encrypted.
fn has_keys(record: &[u8]) -> bool {
    is_encrypted(record[0]) || record.get(3..5) != Some(&[0; 2])
}

/// The records of a datagram. None of them is empty.
fn records(mut datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = whole_length(datagram)?;
        let (record, rest) = datagram.split_at_checked(length)?;
        datagram = rest;
        Some(record)
    })
}

/// The length of the record that the datagram begins with, with its header; `None` at the end of the datagram.
fn whole_length(datagram: &[u8]) -> Option<usize> {
    let first = *datagram.first()?;
    if !is_encrypted(first) {
        return Some(HEADER + record_length(datagram)?);
    }
    // RFC 9147 section 4: one or two bytes of the number, and a length unless the record is the last. wirelab uses no
    // connection ids.
    let number = if first & 0b1000 == 0 { 1 } else { 2 };
    match datagram.get(1 + number..3 + number) {
        Some(length) if first & 0b100 != 0 => {
            Some(3 + number + usize::from(u16::from_be_bytes([length[0], length[1]])))
        }
        _ => Some(datagram.len()),
    }
}

fn hello(datagram: &[u8], kind: u8) -> Option<Random> {
    let (found, body) = message(datagram)?;
    body.get(VERSION..)?.first_chunk().copied().filter(|_| found == kind)
}

/// The type and the body of the handshake message that the datagram begins with, if the record is unencrypted and the
/// message's beginning is in it.
fn message(datagram: &[u8]) -> Option<(u8, &[u8])> {
    let length = record_length(datagram)?;
    let epoch = &datagram[3..5];
    let fragment = datagram[HEADER..].get(..length)?;
    let offset = fragment.get(6..9)?;
    let is_first = datagram[0] == HANDSHAKE && epoch == [0; 2] && offset == [0; 3];
    is_first.then_some((fragment[0], fragment.get(MESSAGE_HEADER..)?))
}

/// Bytes behind the header of the unencrypted record that the datagram begins with.
fn record_length(datagram: &[u8]) -> Option<usize> {
    let header = datagram.first_chunk::<HEADER>().filter(|header| !is_encrypted(header[0]))?;
    Some(u16::from_be_bytes([header[11], header[12]]).into())
}
