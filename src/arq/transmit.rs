//! Datagrams that a connection asks its driver to send.

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The datagram.
    pub datagram: Vec<u8>,
    /// The kind of segment in it, for observers.
    pub kind: SegmentKind,
}

/// The kind of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// A fragment of a message, or the FIN.
    Content {
        /// The sequence number, which a retransmission keeps.
        sequence: u64,
        /// Earlier transmissions of this segment: above 0 for a retransmission.
        copies_before: u32,
        /// The number of this transmission, from 0. Each transmission has a number of its own.
        transmission: u64,
    },
    /// A pure acknowledgement.
    Acknowledgement,
    /// Part of the handshake, a ping, or a reset.
    Control,
}
