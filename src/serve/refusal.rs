//! Why a server refuses something.

/// Why the server did not answer something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The source is not in the allow list.
    NotAllowed,
    /// The source is an address or a port that might answer the reply.
    AnswersBack,
    /// The source exceeded its messages per second. On a connection they were delayed, not dropped.
    RateLimit,
    /// The message or its reply is too long.
    TooLong,
    /// The limit on connections was reached.
    Connections,
    /// The limit on the connections of one source was reached.
    SourceConnections,
    /// An unproven connection was evicted to make room for a new one.
    Evicted,
    /// Too many QUIC handshakes were in progress, so the client had to validate its address first (RFC 9000 section
    /// 8.1.2). A client that does so is then counted as a client.
    Retry,
    /// The connection was idle for too long.
    Idle,
    /// A TLS or QUIC handshake failed or timed out.
    Handshake,
    /// A datagram was malformed, or belonged to no connection.
    Stray,
    /// A TLS or QUIC handshake was in progress when the server stopped.
    Stopping,
    /// A unidirectional stream did not begin a transfer, so its connection was closed; or a bidirectional QUIC stream
    /// did, and was reset.
    Unanswerable,
    /// The system did not send the reply.
    SendFailed,
    /// The system dropped a datagram because the socket's receive queue was full.
    QueueFull,
    /// The system dropped the datagrams of a flooding source. The system has one counter for these and for a full
    /// receive queue, so once a source was shunned both are counted here.
    Shunned,
    /// A datagram was not signed with the key, or changed on its way.
    Forged,
    /// A signed datagram was received before, or is too old to tell.
    Replayed,
    /// A signed datagram is for another end.
    Stranger,
    /// A discovery query did not come from this link or a listed network, or was not sent by multicast or broadcast.
    OffLink,
    /// The server has no URL that the client of a discovery query can use.
    NoUrl,
}

impl Refusal {
    /// Every reason with its name, in the order of the report.
    pub(crate) const ALL: [(Self, &'static str); 21] = [
        (Self::NotAllowed, "not allowed"),
        (Self::AnswersBack, "source would answer the reply"),
        (Self::RateLimit, "rate limit"),
        (Self::TooLong, "too long"),
        (Self::Connections, "too many connections"),
        (Self::SourceConnections, "too many connections from one source"),
        (Self::Evicted, "evicted before the handshake completed"),
        (Self::Retry, "Retry sent"),
        (Self::Idle, "idle"),
        (Self::Handshake, "handshake failed"),
        (Self::Stray, "stray datagram"),
        (Self::Stopping, "server stopping"),
        (Self::Unanswerable, "wrong kind of stream"),
        (Self::SendFailed, "reply not sent"),
        (Self::QueueFull, "receive queue full"),
        (Self::Shunned, "source shunned or receive queue full"),
        (Self::Forged, "wrong signature"),
        (Self::Replayed, "replayed"),
        (Self::Stranger, "not for this server"),
        (Self::OffLink, "not from this link"),
        (Self::NoUrl, "no URL for the client"),
    ];

    /// The name in a report.
    pub(crate) const fn reason(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}
