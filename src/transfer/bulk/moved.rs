//! How many bytes a session's transport has moved.

use std::sync::Arc;

/// A counter of bytes, read while the session runs.
type Counter = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Bytes that a session's transport has moved since its start. Data waiting in a buffer has not moved.
#[derive(Clone)]
pub(crate) struct Moved {
    acknowledged: Option<Counter>,
    received: Option<Counter>,
}

impl Moved {
    /// Reads the bytes acknowledged by the peer, if the transport counts them, and the bytes received.
    pub(super) fn new(
        acknowledged: Option<impl Fn() -> u64 + Send + Sync + 'static>,
        received: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { acknowledged: acknowledged.map(since_now), received: Some(since_now(received)) }
    }

    /// For a transport that counts nothing.
    pub(super) fn unknown() -> Self {
        Self { acknowledged: None, received: None }
    }

    /// Bytes of messages acknowledged by the peer, short by some headers at most; `None` if the transport does not count
    /// them.
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        self.acknowledged.as_ref().map(|acknowledged| acknowledged())
    }

    /// Bytes of messages received, including incomplete ones; `None` if the transport does not count them.
    pub(crate) fn received(&self) -> Option<u64> {
        self.received.as_ref().map(|received| received())
    }
}

/// What a counter counts from now on.
fn since_now(count: impl Fn() -> u64 + Send + Sync + 'static) -> Counter {
    let before = count();
    Arc::new(move || count().saturating_sub(before))
}
