//! What a server counts, and the report that comes of it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Why something was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The source is not one of `--allow`.
    NotAllowed,
    /// The source is an address or a port that might answer our answer.
    AnswersBack,
    /// The source sent more messages a second than it may. On a connection they were held up, not dropped.
    RateLimit,
    /// The message, or its reply, is too long.
    TooLong,
    /// There were as many connections as there may be.
    Connections,
    /// The source had as many connections as one source may have.
    SourceConnections,
    /// A connection that had not proven itself made room for a newcomer.
    Displaced,
    /// Too many QUIC handshakes were in progress: the client was told to prove its address first (RFC 9000
    /// section 8.1.2). One that does comes again, and then counts as a client.
    Retry,
    /// Nothing happened on a connection for too long.
    Idle,
    /// A TLS or QUIC handshake failed, or took too long.
    Handshake,
    /// A datagram was no QUIC, belonged to no connection, or began one in a way that cannot be read.
    Stray,
    /// A TLS or QUIC handshake was in progress when the server stopped.
    Stopping,
    /// A stream that no reply could come on began no transfer, and its connection was closed; or a transfer began on one that
    /// has a way back, and was cut off.
    Unanswerable,
    /// The system would not send the reply.
    SendFailed,
    /// The socket's receive queue was full, so that the system dropped a datagram.
    QueueFull,
    /// The source was so far above its rate that the system was told to drop its datagrams for a while. Where it was told
    /// so once, those that found no room in the receive queue are counted here too: the system counts them together.
    Shunned,
}

impl Refusal {
    /// Every reason, in the order in which they are shown.
    pub const ALL: [Self; 16] = [
        Self::NotAllowed,
        Self::AnswersBack,
        Self::RateLimit,
        Self::TooLong,
        Self::Connections,
        Self::SourceConnections,
        Self::Displaced,
        Self::Retry,
        Self::Idle,
        Self::Handshake,
        Self::Stray,
        Self::Stopping,
        Self::Unanswerable,
        Self::SendFailed,
        Self::QueueFull,
        Self::Shunned,
    ];

    /// The reason in a few words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAllowed => "not allowed",
            Self::AnswersBack => "would answer back",
            Self::RateLimit => "rate limit",
            Self::TooLong => "too long",
            Self::Connections => "too many connections",
            Self::SourceConnections => "too many connections of one source",
            Self::Displaced => "made room unproven",
            Self::Retry => "sent a Retry",
            Self::Idle => "idle",
            Self::Handshake => "handshake failed",
            Self::Stray => "stray datagram",
            Self::Stopping => "handshake cut by the stop",
            Self::Unanswerable => "stream of the wrong kind",
            Self::SendFailed => "reply not sent",
            Self::QueueFull => "receive queue full",
            Self::Shunned => "source shunned or receive queue full",
        }
    }
}

/// What one worker counts for one URL.
#[derive(Debug, Default)]
pub(super) struct Counters {
    messages: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    clients: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    /// Whether the system was ever told to drop a source's datagrams.
    pub(super) shuns: AtomicBool,
}

impl Counters {
    pub(super) fn answered(&self, messages: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn client(&self) {
        self.clients.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refuse_many(refusal, 1);
    }

    pub(super) fn refuse_many(&self, refusal: Refusal, times: u64) {
        self.refused[refusal as usize].fetch_add(times, Ordering::Relaxed);
    }

    /// What all workers of one URL have counted.
    pub(super) fn report(url: String, workers: &[Arc<Self>]) -> Report {
        let sum = |counter: fn(&Self) -> &AtomicU64| {
            workers.iter().map(|counters| counter(counters).load(Ordering::Relaxed)).sum()
        };
        let refused = |refusal: Refusal| {
            workers.iter().map(|counters| counters.refused[refusal as usize].load(Ordering::Relaxed)).sum()
        };
        Report {
            url,
            messages: sum(|c| &c.messages),
            bytes_in: sum(|c| &c.bytes_in),
            bytes_out: sum(|c| &c.bytes_out),
            clients: sum(|c| &c.clients),
            refused: Refusal::ALL.map(|refusal| (refusal, refused(refusal))),
        }
    }
}

/// What happened on one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where the server listened.
    pub url: String,
    /// Messages answered. On a byte stream, what its rules make a message of, also where `echo` only copies.
    pub messages: u64,
    /// Bytes of messages received, refused ones left out.
    pub bytes_in: u64,
    /// Bytes of replies sent.
    pub bytes_out: u64,
    /// Connections accepted; over UDP, sources answered.
    pub clients: u64,
    /// What was refused, by reason.
    pub refused: [(Refusal, u64); Refusal::ALL.len()],
}

impl Report {
    /// How often something was refused for this reason.
    pub fn refusals(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize].1
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.refused.iter().map(|(_, n)| n).sum();
        write!(
            f,
            "{}: {}, {} in, {} out, {}, {total} refused",
            self.url,
            plural(self.messages, "message"),
            plural(self.bytes_in, "byte"),
            plural(self.bytes_out, "byte"),
            plural(self.clients, "client"),
        )?;
        let reasons: Vec<_> = self
            .refused
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(refusal, n)| format!("{}: {n}", refusal.reason()))
            .collect();
        if reasons.is_empty() { Ok(()) } else { write!(f, " ({})", reasons.join(", ")) }
    }
}

fn plural(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_that_names_the_reasons_that_occurred() {
        let counters = Arc::<Counters>::default();
        counters.answered(2);
        counters.received(10);
        counters.sent(1);
        counters.client();
        counters.refuse(Refusal::Idle);
        counters.refuse(Refusal::NotAllowed);
        counters.refuse(Refusal::NotAllowed);
        assert_eq!(
            Counters::report("tcp://[::1]:9999".to_owned(), &[counters, Arc::default()]).to_string(),
            "tcp://[::1]:9999: 2 messages, 10 bytes in, 1 byte out, 1 client, 3 refused \
             (not allowed: 2, idle: 1)"
        );
    }

    #[test]
    fn every_reason_has_its_place() {
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
        }
    }
}
