//! The frames in the decrypted payload of a QUIC packet (RFC 9000 section 19, RFC 9221, and ACK_FREQUENCY and
//! IMMEDIATE_ACK of draft-ietf-quic-ack-frequency-07).
//!
//! Frames have no common length field, so the parser must know the layout of each type.

mod parameters;
mod words;

pub use self::parameters::{Parameter, parameters};

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// PADDING: successive frames count as one.
    Padding {
        /// How many bytes.
        length: u64,
    },
    /// PING.
    Ping,
    /// ACK.
    Ack(Ack<'a>),
    /// RESET_STREAM.
    ResetStream {
        /// The stream id.
        id: u64,
        /// The application's error code.
        error: u64,
        /// The final size of the stream.
        final_size: u64,
    },
    /// STOP_SENDING.
    StopSending {
        /// The stream id.
        id: u64,
        /// The application's error code.
        error: u64,
    },
    /// CRYPTO.
    Crypto {
        /// The offset of its first byte.
        offset: u64,
        /// Length of its data.
        length: u64,
    },
    /// NEW_TOKEN.
    NewToken(&'a [u8]),
    /// STREAM.
    Stream {
        /// The stream id.
        id: u64,
        /// The stream offset of its first byte.
        offset: u64,
        /// Length of its data.
        length: u64,
        /// Whether the stream ends with it.
        fin: bool,
    },
    /// MAX_DATA.
    MaxData(u64),
    /// MAX_STREAM_DATA.
    MaxStreamData {
        /// The stream id.
        id: u64,
        /// The limit.
        maximum: u64,
    },
    /// MAX_STREAMS.
    MaxStreams {
        /// Which streams.
        bidirectional: bool,
        /// The limit.
        maximum: u64,
    },
    /// DATA_BLOCKED.
    DataBlocked(u64),
    /// STREAM_DATA_BLOCKED.
    StreamDataBlocked {
        /// The stream id.
        id: u64,
        /// The limit that blocks it.
        limit: u64,
    },
    /// STREAMS_BLOCKED.
    StreamsBlocked {
        /// Which streams.
        bidirectional: bool,
        /// The limit that blocks them.
        limit: u64,
    },
    /// NEW_CONNECTION_ID.
    NewConnectionId {
        /// Its sequence number.
        sequence: u64,
        /// Ids before this are retired.
        retire_prior_to: u64,
        /// The id.
        id: &'a [u8],
        /// The token of a stateless reset.
        reset_token: &'a [u8],
    },
    /// RETIRE_CONNECTION_ID.
    RetireConnectionId(u64),
    /// PATH_CHALLENGE.
    PathChallenge(&'a [u8]),
    /// PATH_RESPONSE.
    PathResponse(&'a [u8]),
    /// CONNECTION_CLOSE.
    ConnectionClose {
        /// Whether the error is the application's.
        by_application: bool,
        /// The error code.
        error: u64,
        /// The type of the frame that caused a transport error.
        frame_type: Option<u64>,
        /// Why.
        reason: &'a [u8],
    },
    /// HANDSHAKE_DONE.
    HandshakeDone,
    /// DATAGRAM.
    Datagram(&'a [u8]),
    /// IMMEDIATE_ACK.
    ImmediateAck,
    /// ACK_FREQUENCY.
    AckFrequency {
        /// Its sequence number.
        sequence: u64,
        /// Ack-eliciting packets that need no ACK yet.
        ack_eliciting_threshold: u64,
        /// The longest delay of an ACK, in microseconds.
        max_ack_delay: u64,
        /// Reordered packets that need no immediate ACK.
        reordering_threshold: u64,
    },
}

impl Frame<'_> {
    /// Whether a packet with this frame must be acknowledged (RFC 9002 section 2).
    pub(crate) fn is_ack_eliciting(&self) -> bool {
        !matches!(self, Self::Padding { .. } | Self::Ack(_) | Self::ConnectionClose { .. })
    }
}

/// An ACK frame (RFC 9000 section 19.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The largest packet number that it acknowledges.
    pub largest: u64,
    /// The delay in units of the sender's `ack_delay_exponent`.
    pub delay: u64,
    /// The ECN counters ECT(0), ECT(1) and CE.
    pub ecn: Option<[u64; 3]>,
    first_range: u64,
    /// Pairs of gap and range length.
    pairs: &'a [u8],
}

impl<'a> Ack<'a> {
    /// The acknowledged packet numbers, as ranges from the first number to the last, the highest range first.
    pub fn ranges(&self) -> AckRanges<'a> {
        let smallest = self.largest.checked_sub(self.first_range);
        AckRanges {
            next: smallest.map(|smallest| (smallest, self.largest)),
            rest: Frames { rest: self.pairs },
        }
    }
}

/// An iterator over the ranges of an ACK frame; see [`Ack::ranges`].
#[derive(Debug, Clone)]
pub struct AckRanges<'a> {
    next: Option<(u64, u64)>,
    rest: Frames<'a>,
}

impl Iterator for AckRanges<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let (smallest, largest) = self.next.take()?;
        if let Some((gap, length)) = self.rest.varint().zip(self.rest.varint()) {
            // RFC 9000 section 19.3.1.
            let next = smallest.checked_sub(gap).and_then(|largest| largest.checked_sub(2));
            self.next = next.and_then(|largest| Some((largest.checked_sub(length)?, largest)));
        }
        Some((smallest, largest))
    }
}

/// Iterates over the frames in `payload`. Ends early at a truncated or unknown frame.
pub fn frames(payload: &[u8]) -> Frames<'_> {
    Frames { rest: payload }
}

/// Whether a 1-RTT packet with this payload is a probe for a larger MTU: no frames but PING, IMMEDIATE_ACK and PADDING,
/// and more padding than any other such packet has.
pub(crate) fn is_mtu_probe(payload: &[u8]) -> bool {
    const PADDING: u64 = 64;
    let mut padding = 0;
    for frame in frames(payload) {
        match frame {
            Frame::Padding { length } => padding = length,
            Frame::Ping | Frame::ImmediateAck => {}
            _ => return false,
        }
    }
    padding > PADDING
}

/// An iterator over the frames of a packet; see [`frames`].
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.frame();
        if frame.is_none() {
            self.rest = &[];
        }
        frame
    }
}

impl<'a> Frames<'a> {
    /// Consumes one frame. `None` if it is truncated or of an unknown type.
    fn frame(&mut self) -> Option<Frame<'a>> {
        let frame_type = self.varint()?;
        Some(match frame_type {
            0x00 => Frame::Padding { length: self.padding() },
            0x01 => Frame::Ping,
            0x02 | 0x03 => Frame::Ack(self.acknowledgement(frame_type == 0x03)?),
            0x04 => {
                Frame::ResetStream { id: self.varint()?, error: self.varint()?, final_size: self.varint()? }
            }
            0x05 => Frame::StopSending { id: self.varint()?, error: self.varint()? },
            0x06 => Frame::Crypto { offset: self.varint()?, length: self.length_prefixed()?.len() as u64 },
            0x07 => Frame::NewToken(self.length_prefixed()?),
            0x08..=0x0f => self.stream(frame_type)?,
            0x10..=0x17 => self.flow_control(frame_type)?,
            0x18 => self.new_connection_id()?,
            0x19 => Frame::RetireConnectionId(self.varint()?),
            0x1a => Frame::PathChallenge(self.take(8)?),
            0x1b => Frame::PathResponse(self.take(8)?),
            0x1c | 0x1d => self.connection_close(frame_type == 0x1d)?,
            0x1e => Frame::HandshakeDone,
            0x1f => Frame::ImmediateAck,
            0x30 => Frame::Datagram(self.take(self.rest.len() as u64)?),
            0x31 => Frame::Datagram(self.length_prefixed()?),
            0xaf => Frame::AckFrequency {
                sequence: self.varint()?,
                ack_eliciting_threshold: self.varint()?,
                max_ack_delay: self.varint()?,
                reordering_threshold: self.varint()?,
            },
            _ => return None,
        })
    }

    /// RFC 9000 section 19.8: bit 0x04 of the type means that there is an offset, bit 0x02 a length, bit 0x01 the end.
    fn stream(&mut self, frame_type: u64) -> Option<Frame<'a>> {
        let id = self.varint()?;
        let offset = if frame_type & 0x04 == 0 { 0 } else { self.varint()? };
        let bytes =
            if frame_type & 0x02 == 0 { self.take(self.rest.len() as u64)? } else { self.length_prefixed()? };
        Some(Frame::Stream { id, offset, length: bytes.len() as u64, fin: frame_type & 0x01 != 0 })
    }

    /// RFC 9000 sections 19.9 to 19.14.
    fn flow_control(&mut self, frame_type: u64) -> Option<Frame<'a>> {
        let first = self.varint()?;
        let bidirectional = frame_type & 0x01 == 0;
        Some(match frame_type {
            0x10 => Frame::MaxData(first),
            0x11 => Frame::MaxStreamData { id: first, maximum: self.varint()? },
            0x12 | 0x13 => Frame::MaxStreams { bidirectional, maximum: first },
            0x14 => Frame::DataBlocked(first),
            0x15 => Frame::StreamDataBlocked { id: first, limit: self.varint()? },
            _ => Frame::StreamsBlocked { bidirectional, limit: first },
        })
    }

    /// RFC 9000 section 19.3: largest acknowledged, delay, range count, first range, and then that many pairs of gap
    /// and range; with ECN, three counts.
    fn acknowledgement(&mut self, ecn: bool) -> Option<Ack<'a>> {
        let (largest, delay) = (self.varint()?, self.varint()?);
        let (pairs, first_range) = (self.varint()?, self.varint()?);
        let before = self.rest;
        // A false count ends the loop when the bytes run out.
        for _ in 0..pairs.saturating_mul(2) {
            self.varint()?;
        }
        let pairs = &before[..before.len() - self.rest.len()];
        let ecn = if ecn { Some([self.varint()?, self.varint()?, self.varint()?]) } else { None };
        Some(Ack { largest, delay, ecn, first_range, pairs })
    }

    /// RFC 9000 section 19.15.
    fn new_connection_id(&mut self) -> Option<Frame<'a>> {
        const RESET_TOKEN_BYTES: u64 = 16;
        let (sequence, retire_prior_to) = (self.varint()?, self.varint()?);
        let length = *self.take(1)?.first()?;
        let (id, reset_token) = (self.take(length.into())?, self.take(RESET_TOKEN_BYTES)?);
        Some(Frame::NewConnectionId { sequence, retire_prior_to, id, reset_token })
    }

    /// RFC 9000 section 19.19.
    fn connection_close(&mut self, by_application: bool) -> Option<Frame<'a>> {
        let error = self.varint()?;
        let frame_type = if by_application { None } else { Some(self.varint()?) };
        Some(Frame::ConnectionClose { by_application, error, frame_type, reason: self.length_prefixed()? })
    }

    /// Consumes the rest of a run of PADDING frames, and returns its length.
    fn padding(&mut self) -> u64 {
        let zeros = self.rest.iter().take_while(|byte| **byte == 0).count();
        self.rest = &self.rest[zeros..];
        zeros as u64 + 1
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
