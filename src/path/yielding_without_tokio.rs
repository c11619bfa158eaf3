//! Giving other tasks of the thread their turn, under an executor that is not tokio's runtime.

use std::{future::poll_fn, task::Poll};

/// Lets the tasks that are ready run first.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Only a runtime of tokio's has a budget.
pub(crate) async fn consume_budget() {}
