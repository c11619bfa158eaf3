//! What a server counts, and the report that comes of it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
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
    /// Nothing happened on a connection for too long.
    Idle,
    /// A TLS or QUIC handshake failed.
    Handshake,
    /// The system would not send the reply.
    SendFailed,
}

impl Refusal {
    /// Every reason, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::NotAllowed,
        Self::AnswersBack,
        Self::RateLimit,
        Self::TooLong,
        Self::Connections,
        Self::Idle,
        Self::Handshake,
        Self::SendFailed,
    ];

    /// The reason in a few words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAllowed => "not allowed",
            Self::AnswersBack => "would answer back",
            Self::RateLimit => "rate limit",
            Self::TooLong => "too long",
            Self::Connections => "too many connections",
            Self::Idle => "idle",
            Self::Handshake => "handshake failed",
            Self::SendFailed => "reply not sent",
        }
    }
}

/// Counts for one URL.
#[derive(Debug, Default)]
pub(super) struct Counters {
    messages: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    clients: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
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
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn report(&self, url: String) -> Report {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            url,
            messages: read(&self.messages),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            clients: read(&self.clients),
            refused: Refusal::ALL.map(|refusal| (refusal, read(&self.refused[refusal as usize]))),
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
        let counters = Counters::default();
        counters.answered(2);
        counters.received(10);
        counters.sent(1);
        counters.client();
        counters.refuse(Refusal::Idle);
        counters.refuse(Refusal::NotAllowed);
        counters.refuse(Refusal::NotAllowed);
        assert_eq!(
            counters.report("tcp://[::1]:9999".to_owned()).to_string(),
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
