//! The queue between a channel's tasks and its reader.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::Delivery;
use crate::{
    transport::ChannelError,
    unit::{Lock, LockGuard},
};

/// A queue of deliveries with one reader and many writers.
#[derive(Debug, Clone)]
pub(super) struct Inbox(Arc<Lock<State>>);

#[derive(Debug, Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    failure: Option<ChannelError>,
    reader: Option<Waker>,
}

impl Inbox {
    /// An empty queue; if `one_thread`, for the calling thread alone.
    pub(super) fn new(one_thread: bool) -> Self {
        Self(Arc::new(Lock::new(one_thread, State::default())))
    }

    /// Adds a delivery.
    pub(super) fn push(&self, delivery: Delivery) {
        let mut state = self.0.lock();
        state.deliveries.push_back(delivery);
        wake(state);
    }

    /// Ends the queue with an error. The first error stays.
    pub(super) fn fail(&self, failure: ChannelError) {
        let mut state = self.0.lock();
        state.failure.get_or_insert(failure);
        wake(state);
    }

    /// The error that ends the queue, if there is one.
    pub(super) fn failure(&self) -> Option<ChannelError> {
        self.0.lock().failure.clone()
    }

    /// The oldest delivery, or the error after the last.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        let mut state = self.0.lock();
        if let Some(delivery) = state.deliveries.pop_front() {
            return Poll::Ready(Ok(delivery));
        }
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn wake(mut state: LockGuard<'_, State>) {
    let reader = state.reader.take();
    // Whom it wakes on another thread does not have to wait for this lock.
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}
