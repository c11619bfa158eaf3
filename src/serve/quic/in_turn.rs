//! Runs the streams of a connection as parts of one task.
//!
//! Most streams carry one message each, and spawning a task takes longer than answering it.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use futures_util::{StreamExt, stream::FuturesUnordered};

/// Polls `stream` once, and adds it to `streams` if it is not complete.
pub(super) async fn begin<S: Future<Output = ()>>(streams: &mut FuturesUnordered<Pin<Box<S>>>, stream: S) {
    let mut stream = Box::pin(stream);
    if poll_once(stream.as_mut()).await.is_pending() {
        streams.push(stream);
    }
}

/// Polls `future` once.
pub(super) async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Runs `main` to its end, and `streams` meanwhile.
pub(super) async fn beside<T>(
    streams: &mut FuturesUnordered<impl Future<Output = ()>>,
    main: impl Future<Output = T>,
) -> T {
    let mut main = pin!(main);
    poll_fn(|cx| {
        while let Poll::Ready(Some(())) = streams.poll_next_unpin(cx) {}
        main.as_mut().poll(cx)
    })
    .await
}
