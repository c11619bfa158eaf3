//! Who sent a datagram, as the datagram says.

/// Set in the `sender` of replies.
const REPLY: u64 = 1 << 63;

/// Who sent a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sender(u64);

impl Sender {
    /// The client of this number, without its highest bit.
    pub(super) const fn client(number: u64) -> Self {
        Self(number & !REPLY)
    }

    /// The server, replying to this client.
    pub(super) const fn replying(self) -> Self {
        Self(self.0 | REPLY)
    }

    pub(super) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    pub(super) const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(super) const fn is_client(self) -> bool {
        self.0 & REPLY == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_not_a_request() {
        let client = Sender::client(u64::MAX);
        assert!(client.is_client() && !client.replying().is_client());
    }
}
