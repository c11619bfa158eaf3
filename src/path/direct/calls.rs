//! Counts the system calls by which a thread sends and receives. Each end of a run has a thread of its own.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};

use crate::path::layered::StreamLayer;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Counts a call of this thread.
pub(super) fn count() {
    CALLS.set(CALLS.get() + 1);
}

/// The calls of this thread so far.
pub(super) fn so_far() -> u64 {
    CALLS.get()
}

/// A layer that counts the calls of a TCP stream. A call that finds nothing is not counted: the runtime avoids most of
/// them.
#[derive(Debug)]
pub(in crate::path) struct Counted;

impl<S> StreamLayer<S> for Counted {
    fn poll_read(
        &mut self,
        stream: Pin<&mut S>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncRead,
    {
        let read = stream.poll_read(cx, buffer);
        if read.is_ready() {
            count();
        }
        read
    }

    fn written(&mut self, _: usize) {
        count();
    }
}
