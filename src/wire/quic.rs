//! The application's bytes in the decrypted payload of a QUIC packet (RFC 9000 section 12.4).
//!
//! The iterator yields STREAM and DATAGRAM frames and skips all others. Frames have no common length field, so the parser
//! must know the layout of each type.

/// A frame with application bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A STREAM frame (RFC 9000 section 19.8).
    Stream {
        /// The stream id.
        id: u64,
        /// The stream offset of its first byte.
        offset: u64,
        /// Length of its data.
        length: u64,
    },
    /// A DATAGRAM frame (RFC 9221 section 4).
    Datagram(&'a [u8]),
}

/// Iterates over the application frames in `payload`. Ends early at a truncated or unknown frame.
pub fn contents(payload: &[u8]) -> Contents<'_> {
    Contents { rest: payload }
}

/// An iterator over the application frames of a packet; see [`contents`].
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Contents<'a> {
    type Item = Content<'a>;

    fn next(&mut self) -> Option<Content<'a>> {
        while !self.rest.is_empty() {
            match self.frame() {
                Some(Some(content)) => return Some(content),
                Some(None) => {}
                None => self.rest = &[],
            }
        }
        None
    }
}

impl<'a> Contents<'a> {
    /// Consumes one frame, and returns its content if it is an application frame. `None` if the frame is truncated or
    /// unknown. The types are those of RFC 9000 table 3, RFC 9221 and draft-ietf-quic-ack-frequency.
    fn frame(&mut self) -> Option<Option<Content<'a>>> {
        let frame_type = self.varint()?;
        match frame_type {
            0x00 => self.padding(),
            0x01 | 0x1e | 0x1f => {}
            0x02 | 0x03 => self.acknowledgement(frame_type == 0x03)?,
            0x04 => self.varints(3)?,
            0x05 | 0x11 | 0x15 => self.varints(2)?,
            0x06 => {
                self.varints(1)?;
                self.length_prefixed()?;
            }
            0x07 => {
                self.length_prefixed()?;
            }
            0x08..=0x0f => return self.stream(frame_type).map(Some),
            0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => self.varints(1)?,
            0x18 => self.new_connection_id()?,
            0x1a | 0x1b => {
                self.take(8)?;
            }
            0x1c | 0x1d => {
                self.varints(if frame_type == 0x1c { 2 } else { 1 })?;
                self.length_prefixed()?;
            }
            0x30 => return Some(Some(Content::Datagram(self.take(self.rest.len() as u64)?))),
            0x31 => return Some(Some(Content::Datagram(self.length_prefixed()?))),
            0xaf => self.varints(4)?,
            _ => return None,
        }
        Some(None)
    }

    /// RFC 9000 section 19.8: bit 0x04 of the type means that there is an offset, bit 0x02 a length.
    fn stream(&mut self, frame_type: u64) -> Option<Content<'a>> {
        let id = self.varint()?;
        let offset = if frame_type & 0x04 == 0 { 0 } else { self.varint()? };
        let bytes =
            if frame_type & 0x02 == 0 { self.take(self.rest.len() as u64)? } else { self.length_prefixed()? };
        Some(Content::Stream { id, offset, length: bytes.len() as u64 })
    }

    /// RFC 9000 section 19.3: largest acknowledged, delay, range count, first range, and then that many pairs of gap and
    /// range; with ECN, three counts.
    fn acknowledgement(&mut self, ecn: bool) -> Option<()> {
        self.varints(2)?;
        let pairs = self.varint()?;
        // A false count ends the loop when the bytes run out.
        for _ in 0..pairs.saturating_mul(2).saturating_add(1) {
            self.varint()?;
        }
        self.varints(if ecn { 3 } else { 0 })
    }

    /// RFC 9000 section 19.15.
    fn new_connection_id(&mut self) -> Option<()> {
        const RESET_TOKEN_BYTES: u64 = 16;
        self.varints(2)?;
        let length = *self.take(1)?.first()?;
        self.take(u64::from(length) + RESET_TOKEN_BYTES).map(|_| ())
    }

    fn padding(&mut self) {
        let zeros = self.rest.iter().take_while(|byte| **byte == 0).count();
        self.rest = &self.rest[zeros..];
    }

    fn varints(&mut self, n: usize) -> Option<()> {
        (0..n).try_for_each(|_| self.varint().map(|_| ()))
    }

    /// A variable-length integer (RFC 9000 section 16).
    fn varint(&mut self) -> Option<u64> {
        let first = *self.rest.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        Some(bytes[1..].iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Bytes preceded by their length.
    fn length_prefixed(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(length)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}
