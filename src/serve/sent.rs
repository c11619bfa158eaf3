//! Replies that are finished and may still be on their way: a connection that is closed takes them along.

use std::{
    future::Future,
    pin::pin,
    sync::{Mutex, PoisonError},
    task::{Context, Waker},
};

use quinn::SendStream;

use super::desk::Desk;
use crate::path::timeout;

/// Streams that are kept without a look. A client may have fewer open than half of it, and one that it has not acknowledged
/// all of is open.
const MOST: usize = 256;

/// Streams of one connection that have been finished. Waiting for each to be acknowledged would take longer than answering
/// on it, and it matters only once, at the end.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<Vec<SendStream>>);

impl Sent {
    /// `stream` has been finished.
    pub(super) fn add(&self, stream: SendStream) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() >= MOST {
            streams.retain(|stream| !is_delivered(stream));
        }
        streams.push(stream);
    }

    /// Completes when the client has it all, or takes too long.
    pub(super) async fn all_delivered(&self, desk: &Desk) {
        let streams = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let delivered = async {
            for stream in &streams {
                // Fails only where there is nobody left to wait for.
                let _ = stream.stopped().await;
            }
        };
        let _ = timeout(&*desk.host, desk.options.idle, delivered).await;
    }
}

/// Whether its end is acknowledged, or the client does not want it.
fn is_delivered(stream: &SendStream) -> bool {
    pin!(stream.stopped()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
