//! Replies that are finished but may still be on their way. Closing the connection would discard them.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use quinn::SendStream;

use crate::{path::timeout, serve::worker::Worker, unit::Mutex};

/// Number of streams from which on delivered ones are removed. A client may have half as many open, and a stream is
/// open until the client has acknowledged all of it.
const PRUNE_ABOVE: usize = 256;

/// Finished streams of one connection. Waiting for the acknowledgement of each would take longer than answering on it,
/// so this is done once, when the server stops.
#[derive(Debug, Default)]
pub(super) struct FinishedStreams(Mutex<Vec<SendStream>>);

impl FinishedStreams {
    pub(super) fn add(&self, stream: SendStream) {
        let mut streams = self.0.lock();
        if streams.len() >= PRUNE_ABOVE {
            streams.retain(|stream| !is_delivered(stream));
        }
        streams.push(stream);
    }

    /// Waits until the client has acknowledged all streams, for at most the idle time.
    pub(super) async fn all_delivered(&self, worker: &Worker) {
        let streams = std::mem::take(&mut *self.0.lock());
        let delivered = async {
            for stream in &streams {
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
