//! The number of messages that a server has answered.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Messages answered on all URLs. One task may wait for a number of them.
#[derive(Debug)]
pub(super) struct AnsweredTotal {
    messages: AtomicU64,
    awaited: AtomicU64,
    reached: Notify,
}

impl Default for AnsweredTotal {
    fn default() -> Self {
        Self { messages: AtomicU64::new(0), awaited: AtomicU64::new(u64::MAX), reached: Notify::new() }
    }
}

impl AnsweredTotal {
    pub(super) fn add(&self, messages: u64) {
        let before = self.messages.fetch_add(messages, Ordering::SeqCst);
        if before + messages >= self.awaited.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    /// Completes when `count` messages have been answered.
    pub(super) async fn reached(&self, count: u64) {
        self.awaited.store(count, Ordering::SeqCst);
        while self.messages.load(Ordering::SeqCst) < count {
            self.reached.notified().await;
        }
    }
}
