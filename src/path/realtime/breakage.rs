//! How the thread of a wire tells that it has ended.

use std::io;

use tokio::sync::Notify;

use crate::{path::WireBroken, unit::Mutex};

/// Why a wire broke, once it has.
#[derive(Debug, Default)]
pub(in crate::path) struct Breakage {
    cause: Mutex<Option<WireBroken>>,
    noticed: Notify,
}

impl Breakage {
    /// Records the cause, and wakes the task waiting on [`wait`](Self::wait).
    pub(in crate::path) fn set(&self, cause: WireBroken) {
        *self.cause.lock() = Some(cause);
        self.noticed.notify_one();
    }

    /// The cause, if the wire broke.
    pub(in crate::path) fn cause(&self) -> Option<WireBroken> {
        self.cause.lock().clone()
    }

    /// Completes with the cause when the wire breaks. One task may wait.
    pub(in crate::path) async fn wait(&self) -> WireBroken {
        loop {
            if let Some(cause) = self.cause() {
                return cause;
            }
            self.noticed.notified().await;
        }
    }
}

/// Names the operation of a system's error.
pub(in crate::path) fn broken(operation: &'static str) -> impl FnOnce(io::Error) -> WireBroken {
    move |source| WireBroken { operation, source: source.into() }
}
