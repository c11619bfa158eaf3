//! A request from outside to end a run.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use crate::unit::Mutex;

/// A request to end early, from any thread. Clones share it. It is set once and stays set.
///
/// Waiting for it takes no timer, so that it neither costs a run in virtual time events nor changes their order.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_set: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl StopSignal {
    /// Requests the end. Returns whether it had been requested before.
    pub fn set(&self) -> bool {
        let was_set = self.0.is_set.swap(true, Ordering::SeqCst);
        let wakers = std::mem::take(&mut *self.0.wakers.lock());
        wakers.into_iter().for_each(Waker::wake);
        was_set
    }

    /// Whether the end has been requested.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Completes when the end is requested.
    pub fn stopped(&self) -> Stopped {
        Stopped { signal: self.clone(), registered: None }
    }
}

/// The future of [`StopSignal::stopped`].
#[derive(Debug)]
pub struct Stopped {
    signal: StopSignal,
    registered: Option<Waker>,
}

impl Future for Stopped {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.signal.is_set() {
            return Poll::Ready(());
        }
        // Polled for every packet, so it must cost no lock once its task is known.
        if self.registered.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.forget();
        let waker = cx.waker().clone();
        self.signal.0.wakers.lock().push(waker.clone());
        self.registered = Some(waker);
        // It may have been set before the waker was there.
        if self.signal.is_set() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Stopped {
    fn forget(&mut self) {
        if let Some(waker) = self.registered.take() {
            let mut wakers = self.signal.0.wakers.lock();
            if let Some(index) = wakers.iter().position(|known| known.will_wake(&waker)) {
                wakers.swap_remove(index);
            }
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        link::LinkSpec,
        path::{Side, sim::World},
        unit::PerDirection,
    };

    #[test]
    fn who_waits_is_woken_and_forgotten() {
        let signal = StopSignal::default();
        let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
        let host = world.host(Side::Client);
        let setter = signal.clone();
        let task = host.clone();
        host.spawn(
            "setter",
            Box::pin(async move {
                task.sleep(std::time::Duration::from_secs(1)).await;
                assert!(!setter.set());
                assert!(setter.set());
            }),
        );
        world
            .run(async {
                let waiting = signal.stopped();
                drop(signal.stopped());
                waiting.await;
                assert_eq!(host.now().as_nanos(), 1_000_000_000);
                signal.stopped().await;
            })
            .unwrap();
        assert!(signal.0.wakers.lock().is_empty());
    }
}
