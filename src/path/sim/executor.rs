//! A single-threaded executor: tasks run in the order in which they were woken.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::{
    path::BoxFuture,
    unit::{Mutex, Time},
};

/// A run in virtual time that cannot complete, and the tasks that wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulation {reason}; waiting: {waiting}")]
pub struct Stalled {
    reason: String,
    waiting: String,
}

impl Stalled {
    pub(super) fn deadlock(now: Time, waiting: String) -> Self {
        let reason = format!("is deadlocked at {now}: no packet is in flight and no timer runs");
        Self { reason, waiting }
    }

    pub(super) fn runaway(until: Time, waiting: String) -> Self {
        let reason = format!("did not complete by {until} of virtual time");
        Self { reason, waiting }
    }

    fn livelock(polls: u64, waiting: String) -> Self {
        let reason = format!("is livelocked: {polls} polls at one instant");
        Self { reason, waiting }
    }
}

#[derive(Default)]
pub(super) struct Executor {
    ready: Mutex<VecDeque<Arc<Task>>>,
    live: Mutex<BTreeMap<u64, Arc<Task>>>,
    itself: Weak<Executor>,
}

struct Task {
    id: u64,
    name: &'static str,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    queued: AtomicBool,
    executor: Weak<Executor>,
}

impl Executor {
    pub(super) fn new() -> Arc<Self> {
        Arc::new_cyclic(|itself| Self { itself: itself.clone(), ..Self::default() })
    }

    pub(super) fn spawn(&self, name: &'static str, future: BoxFuture<'static, ()>) {
        let mut live = self.live.lock();
        let id = live.last_key_value().map_or(0, |(last, _)| last + 1);
        let task = Arc::new(Task {
            id,
            name,
            future: Mutex::new(Some(future)),
            queued: AtomicBool::new(true),
            executor: self.itself.clone(),
        });
        live.insert(id, task.clone());
        drop(live);
        self.ready.lock().push_back(task);
    }

    /// Polls `main` and all tasks until `main` completes; `advance` is called when none can proceed.
    pub(super) fn run<T>(
        &self,
        main: impl Future<Output = T>,
        polls_per_instant: u64,
        advance: impl Fn() -> Result<(), Stalled>,
    ) -> Result<T, Stalled> {
        let mut main = pin!(main);
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(flag.clone());
        let mut polls = 0;
        loop {
            if flag.0.swap(false, Ordering::Relaxed) {
                polls += 1;
                if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(output);
                }
            }
            if self.run_one() {
                polls += 1;
            } else if !flag.0.load(Ordering::Relaxed) {
                advance()?;
                polls = 0;
            }
            if polls > polls_per_instant {
                return Err(Stalled::livelock(polls, self.waiting()));
            }
        }
    }

    /// Polls the task that has been ready for longest.
    fn run_one(&self) -> bool {
        let Some(task) = self.ready.lock().pop_front() else {
            return false;
        };
        task.queued.store(false, Ordering::Relaxed);
        let mut slot = task.future.lock();
        let Some(future) = slot.as_mut() else {
            return true;
        };
        let waker = Waker::from(task.clone());
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            let done = slot.take();
            drop(slot);
            drop(done);
            self.live.lock().remove(&task.id);
        }
        true
    }

    /// The live tasks, by name and count.
    pub(super) fn waiting(&self) -> String {
        let mut names = BTreeMap::<&str, usize>::new();
        for task in self.live.lock().values() {
            *names.entry(task.name).or_default() += 1;
        }
        let tasks =
            names.into_iter().map(|(name, n)| if n == 1 { name.to_owned() } else { format!("{name} ({n})") });
        std::iter::once("the main task".to_owned()).chain(tasks).collect::<Vec<_>>().join(", ")
    }

    /// Drops all tasks, including those that their destructors spawn.
    pub(super) fn clear(&self) {
        loop {
            let Some((_, task)) = self.live.lock().pop_first() else {
                break;
            };
            let future = task.future.lock().take();
            drop(future);
        }
        self.ready.lock().clear();
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed)
            && let Some(executor) = self.executor.upgrade()
        {
            executor.ready.lock().push_back(self);
        }
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}
