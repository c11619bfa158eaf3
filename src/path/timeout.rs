//! Waiting with a limit.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use super::Host;

/// The limit was reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {}", humantime::format_duration(*.0))]
pub struct Elapsed(pub Duration);

/// Runs `future` for at most `limit` of the host's time. A future that is ready at once takes no timer.
pub async fn timeout<F: Future>(host: &dyn Host, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let sleep = sleep.get_or_insert_with(|| host.sleep(limit));
        Pin::new(sleep).poll(cx).map(|()| Err(Elapsed(limit)))
    })
    .await
}
