//! Replies that are finished but may still be on their way. Closing the connection would discard them.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use quinn::SendStream;

use crate::{path::timeout, serve::worker::Worker, unit::Mutex};

/// Delivered streams are removed from a list of at least this length.
const PRUNE_FROM: usize = 256;

/// Finished streams of one connection. Waiting for the acknowledgement of each would take longer than answering on it,
/// so this is done once, when the server stops.
#[derive(Debug, Default)]
pub(super) struct FinishedStreams(Mutex<Streams>);

#[derive(Debug, Default)]
struct Streams {
    finished: Vec<SendStream>,
    /// The length of the list after delivered streams were last removed.
    undelivered: usize,
}

impl FinishedStreams {
    pub(super) fn add(&self, stream: SendStream) {
        let Streams { finished, undelivered } = &mut *self.0.lock();
        // Only once the list has doubled: with many undelivered streams, each new stream would check them all.
        if finished.len() >= PRUNE_FROM.max(2 * *undelivered) {
            finished.retain(|stream| !is_delivered(stream));
            *undelivered = finished.len();
        }
        finished.push(stream);
    }

    /// Waits until the client has acknowledged all streams, for at most the idle time.
    pub(super) async fn all_delivered(&self, worker: &Worker) {
        let streams = std::mem::take(&mut *self.0.lock());
        let delivered = async {
            for stream in &streams.finished {
                // Fails only if the connection is gone.
                let _ = stream.stopped().await;
            }
        };
        let _ = timeout(&*worker.host, worker.options.idle, delivered).await;
    }
}

/// Whether the client has acknowledged or rejected the stream.
fn is_delivered(stream: &SendStream) -> bool {
    pin!(stream.stopped()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
