//! How many bytes a session's transport has moved.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A counter of bytes, read while the session runs.
type Counter = Box<dyn Fn() -> u64 + Send + Sync>;

/// Bytes that a session's transport has moved since its start. Data waiting in a buffer has not moved.
pub struct Moved {
    acknowledged: Option<Counter>,
    received: Option<Counter>,
}

impl Moved {
    /// Counters of bytes acknowledged by the peer and of bytes received.
    pub(crate) fn new(
        acknowledged: impl Fn() -> u64 + Send + Sync + 'static,
        received: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        let before = (acknowledged(), received());
        Self {
            acknowledged: Some(Box::new(move || acknowledged().saturating_sub(before.0))),
            received: Some(Box::new(move || received().saturating_sub(before.1))),
        }
    }

    /// Of a byte stream: `acknowledged` may be unknown, and `convert` turns its bytes into bytes of messages.
    pub(super) fn of_stream(
        acknowledged: impl Fn() -> Option<u64> + Send + Sync + 'static,
        convert: impl Fn(u64) -> u64 + Send + Sync + 'static,
        received: Arc<AtomicU64>,
    ) -> Self {
        let acknowledged = acknowledged().map(|before| -> Counter {
            Box::new(move || convert(acknowledged().unwrap_or(0).saturating_sub(before)))
        });
        Self { acknowledged, received: Some(Box::new(move || received.load(Ordering::Relaxed))) }
    }

    /// Of a transport that tells nothing.
    pub(crate) fn unknown() -> Self {
        Self { acknowledged: None, received: None }
    }

    /// Bytes of messages acknowledged by the peer, short by some headers at most; `None` if the transport does not count
    /// them.
    pub fn acknowledged(&self) -> Option<u64> {
        self.acknowledged.as_ref().map(|acknowledged| acknowledged())
    }

    /// Bytes of messages received, including incomplete ones; `None` if the transport does not count them.
    pub fn received(&self) -> Option<u64> {
        self.received.as_ref().map(|received| received())
    }
}
