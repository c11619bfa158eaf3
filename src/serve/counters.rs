//! Counters of a server, and the report made from them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::refusal::Refusal;

/// Counters of one worker for one URL.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    messages: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    clients: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    /// Whether the system was ever told to drop the datagrams of a source.
    pub(super) shuns: AtomicBool,
}

impl Counters {
    pub(crate) fn answered(&self, messages: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn client(&self) {
        self.clients.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self, refusal: Refusal, times: u64) {
        self.refused[refusal as usize].fetch_add(times, Ordering::Relaxed);
    }

    /// Sums the counters of all workers of one URL.
    pub(crate) fn report(url: String, workers: &[Arc<Self>]) -> Report {
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
            refused: Refusal::ALL.map(|(refusal, _)| (refusal, refused(refusal))),
        }
    }
}

/// What happened on one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where the server listened.
    pub url: String,
    /// Messages answered. On a byte stream these are counted as lines, even if `echo` only copies bytes.
    pub messages: u64,
    /// Bytes of messages received, without refused messages.
    pub bytes_in: u64,
    /// Bytes of replies sent.
    pub bytes_out: u64,
    /// Connections accepted; on a datagram transport, sources answered.
    pub clients: u64,
    /// Number of refusals by reason.
    pub refused: [(Refusal, u64); Refusal::ALL.len()],
}

impl Report {
    /// Number of refusals for `reason`.
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
        counters.refuse(Refusal::Idle, 1);
        counters.refuse(Refusal::NotAllowed, 2);
        assert_eq!(
            Counters::report("tcp://[::1]:9999".to_owned(), &[counters, Arc::default()]).to_string(),
            "tcp://[::1]:9999: 2 messages, 10 bytes in, 1 byte out, 1 client, 3 refused \
             (not allowed: 2, idle: 1)"
        );
    }

    #[test]
    fn reasons_are_listed_in_the_order_of_their_values() {
        for (index, (refusal, _)) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
        }
    }
}
