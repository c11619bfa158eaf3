//! Frames in words, for output.

use std::fmt;

use super::{Ack, Frame};

impl fmt::Display for Frame<'_> {
    /// The name in RFC 9000 and the most important fields: `STREAM 8 bytes 0-999`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Padding { length } => write!(f, "PADDING of {length} bytes"),
            Self::Ping => f.write_str("PING"),
            Self::Ack(ack) => acknowledgement(f, &ack),
            Self::ResetStream { id, .. } => write!(f, "RESET_STREAM {id}"),
            Self::StopSending { id, .. } => write!(f, "STOP_SENDING {id}"),
            Self::Crypto { offset, length } => bytes(f, "CRYPTO", offset, length),
            Self::NewToken(_) => f.write_str("NEW_TOKEN"),
            Self::Stream { id, offset, length, fin } => {
                bytes(f, &format!("STREAM {id}"), offset, length)?;
                f.write_str(if fin { " FIN" } else { "" })
            }
            Self::MaxData(limit) => write!(f, "MAX_DATA {limit}"),
            Self::MaxStreamData { id, maximum } => write!(f, "MAX_STREAM_DATA {id}: {maximum}"),
            Self::MaxStreams { maximum, .. } => write!(f, "MAX_STREAMS {maximum}"),
            Self::DataBlocked(limit) => write!(f, "DATA_BLOCKED {limit}"),
            Self::StreamDataBlocked { id, limit } => write!(f, "STREAM_DATA_BLOCKED {id}: {limit}"),
            Self::StreamsBlocked { limit, .. } => write!(f, "STREAMS_BLOCKED {limit}"),
            Self::NewConnectionId { sequence, .. } => write!(f, "NEW_CONNECTION_ID {sequence}"),
            Self::RetireConnectionId(sequence) => write!(f, "RETIRE_CONNECTION_ID {sequence}"),
            Self::PathChallenge(_) => f.write_str("PATH_CHALLENGE"),
            Self::PathResponse(_) => f.write_str("PATH_RESPONSE"),
            Self::ConnectionClose { error, .. } => write!(f, "CONNECTION_CLOSE {error}"),
            Self::HandshakeDone => f.write_str("HANDSHAKE_DONE"),
            Self::Datagram(content) => write!(f, "DATAGRAM of {} bytes", content.len()),
            Self::ImmediateAck => f.write_str("IMMEDIATE_ACK"),
            Self::AckFrequency { sequence, .. } => write!(f, "ACK_FREQUENCY {sequence}"),
        }
    }
}

fn bytes(f: &mut fmt::Formatter<'_>, name: &str, offset: u64, length: u64) -> fmt::Result {
    match offset.saturating_add(length).checked_sub(1).filter(|_| length > 0) {
        Some(last) => write!(f, "{name} bytes {offset}-{last}"),
        None => write!(f, "{name} without bytes"),
    }
}

fn acknowledgement(f: &mut fmt::Formatter<'_>, ack: &Ack<'_>) -> fmt::Result {
    /// The words `and more` replace the other ranges.
    const SHOWN: usize = 3;
    f.write_str("ACK")?;
    let mut ranges = ack.ranges();
    for (place, (first, last)) in ranges.by_ref().take(SHOWN).enumerate() {
        f.write_str(if place == 0 { " " } else { " and " })?;
        if first == last { write!(f, "{last}")? } else { write!(f, "{first}-{last}")? }
    }
    f.write_str(if ranges.next().is_some() { " and more" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::super::frames;

    #[test]
    fn frames_are_named_with_what_a_reader_follows() {
        let said = |payload: &[u8]| frames(payload).map(|frame| frame.to_string()).collect::<Vec<_>>();
        // ACK of 9, 5 to 6, 3, and 1, in this order.
        assert_eq!(said(&[0x02, 9, 0, 3, 0, 1, 1, 0, 0, 0, 0]), ["ACK 9 and 5-6 and 3 and more"]);
        assert_eq!(said(&[0x02, 9, 0, 0, 2]), ["ACK 7-9"]);
        assert_eq!(said(&[0x0f, 8, 3, 2, 0xaa, 0xbb]), ["STREAM 8 bytes 3-4 FIN"]);
        assert_eq!(said(&[0x0b, 8, 0, 0x01]), ["STREAM 8 without bytes FIN", "PING"]);
        assert_eq!(said(&[0x31, 2, 1, 2, 0x13, 9]), ["DATAGRAM of 2 bytes", "MAX_STREAMS 9"]);
        assert_eq!(said(&[0, 0, 0]), ["PADDING of 3 bytes"]);
    }
}
