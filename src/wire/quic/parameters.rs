//! The transport parameters of a QUIC handshake (RFC 9000 section 18).

use super::Frames;

/// A transport parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its id.
    pub id: u64,
    /// Its value.
    pub value: &'a [u8],
}

impl Parameter<'_> {
    /// Its value, if it is an integer.
    pub fn integer(&self) -> Option<u64> {
        let mut rest = Frames { rest: self.value };
        rest.varint().filter(|_| rest.rest.is_empty())
    }
}

/// Iterates over transport parameters. Ends early at a truncated one.
pub fn parameters(encoded: &[u8]) -> impl Iterator<Item = Parameter<'_>> {
    let mut rest = Frames { rest: encoded };
    std::iter::from_fn(move || Some(Parameter { id: rest.varint()?, value: rest.length_prefixed()? }))
}
