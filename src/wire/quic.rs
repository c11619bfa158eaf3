//! What a QUIC packet carries: the application's bytes in a decrypted payload (RFC 9000 section 12.4).
//!
//! Only STREAM and DATAGRAM frames are given out. All others are stepped over, which takes knowing the shape of
//! each: frames have no common length field.

/// Application bytes in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A STREAM frame (RFC 9000 section 19.8).
    Stream {
        /// The stream's id.
        id: u64,
        /// Where its first byte stands in the stream.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// A DATAGRAM frame (RFC 9221 section 4).
    Datagram(&'a [u8]),
}

/// The contents of a packet whose payload is `payload`. It ends early at a frame that is cut off or unknown.
pub fn contents(payload: &[u8]) -> Contents<'_> {
    Contents { rest: payload }
}

/// An iterator over the application's bytes in a packet; see [`contents`].
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
    /// Takes one frame; `None` if that cannot be done. Types are those of RFC 9000 table 3, and of RFC 9221 and
    /// draft-ietf-quic-ack-frequency.
    fn frame(&mut self) -> Option<Option<Content<'a>>> {
        let kind = self.variable()?;
        match kind {
            0x00 => self.padding(),
            0x01 | 0x1e | 0x1f => {}
            0x02 | 0x03 => self.acknowledgement(kind == 0x03)?,
            0x04 => self.variables(3)?,
            0x05 | 0x11 | 0x15 => self.variables(2)?,
            0x06 => {
                self.variables(1)?;
                self.counted()?;
            }
            0x07 => {
                self.counted()?;
            }
            0x08..=0x0f => return self.stream(kind).map(Some),
            0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => self.variables(1)?,
            0x18 => self.new_connection_id()?,
            0x1a | 0x1b => {
                self.take(8)?;
            }
            0x1c | 0x1d => {
                self.variables(if kind == 0x1c { 2 } else { 1 })?;
                self.counted()?;
            }
            0x30 => return Some(Some(Content::Datagram(self.take(self.rest.len() as u64)?))),
            0x31 => return Some(Some(Content::Datagram(self.counted()?))),
            0xaf => self.variables(4)?,
            _ => return None,
        }
        Some(None)
    }

    /// The low bits of the type say which fields are there: 0x04 the offset, 0x02 the length.
    fn stream(&mut self, kind: u64) -> Option<Content<'a>> {
        let id = self.variable()?;
        let offset = if kind & 0x04 == 0 { 0 } else { self.variable()? };
        let bytes = if kind & 0x02 == 0 { self.take(self.rest.len() as u64)? } else { self.counted()? };
        Some(Content::Stream { id, offset, length: bytes.len() as u64 })
    }

    /// RFC 9000 section 19.3: the largest, the delay, and as many pairs of gap and range as it counts, after one
    /// more range.
    fn acknowledgement(&mut self, ecn: bool) -> Option<()> {
        self.variables(2)?;
        let pairs = self.variable()?;
        // Each takes two bytes at least, so that a lying count ends with the bytes.
        for _ in 0..pairs.saturating_mul(2).saturating_add(1) {
            self.variable()?;
        }
        self.variables(if ecn { 3 } else { 0 })
    }

    /// RFC 9000 section 19.15.
    fn new_connection_id(&mut self) -> Option<()> {
        const RESET_TOKEN_BYTES: u64 = 16;
        self.variables(2)?;
        let length = *self.take(1)?.first()?;
        self.take(u64::from(length) + RESET_TOKEN_BYTES).map(|_| ())
    }

    fn padding(&mut self) {
        let zeros = self.rest.iter().take_while(|byte| **byte == 0).count();
        self.rest = &self.rest[zeros..];
    }

    fn variables(&mut self, n: usize) -> Option<()> {
        (0..n).try_for_each(|_| self.variable().map(|_| ()))
    }

    /// A variable-length integer: the first two bits say how long it is (RFC 9000 section 16).
    fn variable(&mut self) -> Option<u64> {
        let first = *self.rest.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        Some(bytes[1..].iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Bytes with their count in front.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.variable()?;
        self.take(length)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(payload: &[u8]) -> Vec<Content<'_>> {
        contents(payload).collect()
    }

    #[test]
    fn a_stream_frame_says_where_its_bytes_stand() {
        // No offset and no length: to the end of the packet.
        assert_eq!(of(&[0x08, 4, 1, 2, 3]), [Content::Stream { id: 4, offset: 0, length: 3 }]);
        // Offset, length and FIN; padding behind it.
        let payload = [0x0f, 0x40, 0x64, 0x80, 0x01, 0x00, 0x00, 2, 9, 9, 0, 0];
        assert_eq!(of(&payload), [Content::Stream { id: 100, offset: 65_536, length: 2 }]);
    }

    #[test]
    fn a_datagram_frame_gives_its_bytes() {
        assert_eq!(of(&[0x31, 2, 7, 8, 0x30, 9]), [Content::Datagram(&[7, 8]), Content::Datagram(&[9])]);
    }

    #[test]
    fn every_other_frame_is_stepped_over() {
        let frames: [&[u8]; 14] = [
            &[0x00, 0x00],
            &[0x01],
            &[0x02, 9, 0, 1, 2, 0, 3],
            &[0x03, 9, 0, 0, 2, 5, 6, 7],
            &[0x04, 0, 1, 2],
            &[0x05, 0, 1],
            &[0x06, 0, 2, 1, 1],
            &[0x07, 1, 1],
            &[0x11, 0, 1],
            &[0x18, 2, 1, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x1a, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x1c, 1, 0, 1, 65],
            &[0x1e],
            &[0x40, 0xaf, 1, 2, 3, 4],
        ];
        for frame in frames {
            let payload = [frame, &[0x0a, 0, 1, 5]].concat();
            assert_eq!(of(&payload), [Content::Stream { id: 0, offset: 0, length: 1 }], "{frame:02x?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_unknown_ends_it() {
        assert_eq!(of(&[0x0a, 0, 9, 1]), []);
        assert_eq!(of(&[0x21, 0x0a, 0, 1, 5]), []);
        assert_eq!(of(&[0x02, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), []);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_claim_more_than_there_is(payload: Vec<u8>) {
            let mut total = 0;
            for content in contents(&payload) {
                total += match content {
                    Content::Stream { length, .. } => length,
                    Content::Datagram(bytes) => bytes.len() as u64,
                };
            }
            prop_assert!(total <= payload.len() as u64);
        }
    }
}
