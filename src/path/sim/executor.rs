//! A single-threaded executor: tasks run in the order in which they were woken.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::{
    path::BoxFuture,
    unit::{Mutex, OneThread, Time},
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

/// Tasks and the order in which they are polled. They belong to the thread that makes it.
pub(super) struct Executor {
    tasks: OneThread<Tasks>,
    ready: Arc<Ready>,
}

/// The live tasks.
#[derive(Default)]
struct Tasks {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// How many have been spawned.
    spawned: u64,
}

struct Slot {
    key: Key,
    name: &'static str,
    /// `None` while the task is being polled.
    work: Option<Box<Work>>,
}

struct Work {
    future: BoxFuture<'static, ()>,
    task: Arc<Task>,
    /// A waker of `task`, so that polling makes none.
    waker: Waker,
}

/// Which task this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    slot: usize,
    /// The number of the task in the order of spawning. A slot is used again.
    number: u64,
}

/// The tasks that are to be polled.
#[derive(Default)]
struct Ready {
    queue: OneThread<VecDeque<Key>>,
    /// Tasks that other threads have woken.
    foreign: Mutex<Vec<Key>>,
    has_foreign: AtomicBool,
}

struct Task {
    key: Key,
    /// Whether it is in the queue.
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Executor {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { tasks: OneThread::default(), ready: Arc::default() })
    }

    pub(super) fn spawn(&self, name: &'static str, future: BoxFuture<'static, ()>) {
        let key = self.tasks.borrow().insert(name, future, &self.ready);
        self.ready.queue.borrow().push_back(key);
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
        let (tasks, queue) = (self.tasks.cell(), self.ready.queue.cell());
        let mut polls = 0;
        loop {
            if flag.take() {
                polls += 1;
                if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(output);
                }
            }
            if self.run_one(tasks, queue) {
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
    fn run_one(&self, tasks: &RefCell<Tasks>, queue: &RefCell<VecDeque<Key>>) -> bool {
        if self.ready.has_foreign.load(Ordering::Acquire) {
            self.ready.take_foreign(&mut queue.borrow_mut());
        }
        let Some(key) = queue.borrow_mut().pop_front() else { return false };
        let Some(mut work) = tasks.borrow_mut().take(key) else { return true };
        work.task.queued.store(false, Ordering::Relaxed);
        if work.future.as_mut().poll(&mut Context::from_waker(&work.waker)).is_ready() {
            // Its destructor may spawn others.
            drop(work);
            tasks.borrow_mut().remove(key);
        } else {
            tasks.borrow_mut().put_back(key, work);
        }
        true
    }

    /// The live tasks, by name and count.
    pub(super) fn waiting(&self) -> String {
        let mut names = BTreeMap::<&str, usize>::new();
        for slot in self.tasks.borrow().slots.iter().flatten() {
            *names.entry(slot.name).or_default() += 1;
        }
        let tasks =
            names.into_iter().map(|(name, n)| if n == 1 { name.to_owned() } else { format!("{name} ({n})") });
        std::iter::once("the main task".to_owned()).chain(tasks).collect::<Vec<_>>().join(", ")
    }

    /// Drops all tasks in the order in which they were spawned, including those that their destructors spawn.
    pub(super) fn clear(&self) {
        loop {
            let mut live = self.tasks.borrow().take_all();
            if live.is_empty() {
                break;
            }
            live.sort_by_key(|slot| slot.key.number);
            live.into_iter().for_each(drop);
        }
        self.ready.queue.borrow().clear();
    }
}

impl Tasks {
    /// Adds a task, which counts as queued.
    fn insert(&mut self, name: &'static str, future: BoxFuture<'static, ()>, ready: &Arc<Ready>) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let key = Key { slot, number: self.spawned };
        self.spawned += 1;
        let task = Arc::new(Task { key, queued: AtomicBool::new(true), ready: ready.clone() });
        let waker = Waker::from(task.clone());
        self.slots[slot] = Some(Slot { key, name, work: Some(Box::new(Work { future, task, waker })) });
        key
    }

    fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        self.slots.get_mut(key.slot)?.as_mut().filter(|slot| slot.key == key)
    }

    /// Takes all live tasks. Removes all slots, so none is free.
    fn take_all(&mut self) -> Vec<Slot> {
        self.free.clear();
        self.slots.drain(..).flatten().collect()
    }

    /// Takes a task to poll it. `None` if it has ended.
    fn take(&mut self, key: Key) -> Option<Box<Work>> {
        self.slot(key)?.work.take()
    }

    fn put_back(&mut self, key: Key, work: Box<Work>) {
        if let Some(slot) = self.slot(key) {
            slot.work = Some(work);
        }
    }

    fn remove(&mut self, key: Key) {
        if self.slot(key).is_some() {
            self.slots[key.slot] = None;
            self.free.push(key.slot);
        }
    }
}

impl Ready {
    /// Moves the tasks that other threads have woken to the queue.
    fn take_foreign(&self, queue: &mut VecDeque<Key>) {
        self.has_foreign.store(false, Ordering::Relaxed);
        queue.extend(self.foreign.lock().drain(..));
    }

    /// Adds a task that a thread other than the executor's has woken.
    fn push_foreign(&self, key: Key) {
        let mut foreign = self.foreign.lock();
        foreign.push(key);
        self.has_foreign.store(true, Ordering::Release);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Another thread does not know whether the executor has just begun to poll the task, so it always adds it.
        let Some(mut queue) = self.ready.queue.get() else { return self.ready.push_foreign(self.key) };
        if !self.queued.load(Ordering::Relaxed) {
            self.queued.store(true, Ordering::Relaxed);
            queue.push_back(self.key);
        }
    }
}

/// Whether the main task is to be polled.
struct Flag(AtomicBool);

impl Flag {
    /// Reads and clears it.
    fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, thread};

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_task_that_another_thread_wakes_is_polled_again() {
        let executor = Executor::new();
        let (waker, is_due) = (Arc::<Mutex<Option<Waker>>>::default(), Arc::<AtomicBool>::default());
        let (known, due) = (waker.clone(), is_due.clone());
        let (tell, told) = oneshot::channel();
        let mut polls = 0;
        let waiting = poll_fn(move |cx| {
            polls += 1;
            *known.lock() = Some(cx.waker().clone());
            if due.load(Ordering::Relaxed) { Poll::Ready(polls) } else { Poll::Pending }
        });
        executor.spawn(
            "waiting",
            Box::pin(async move {
                let _ = tell.send(waiting.await);
            }),
        );
        let advance = || {
            is_due.store(true, Ordering::Relaxed);
            let waker = waker.lock().take().unwrap();
            thread::spawn(move || waker.wake()).join().unwrap();
            Ok(())
        };
        assert_eq!(executor.run(told, 100, advance), Ok(Ok(2)));
        assert_eq!(executor.waiting(), "the main task");
    }

    #[test]
    fn a_task_can_be_spawned_after_all_have_ended_and_were_cleared() {
        let executor = Executor::new();
        let (tell, told) = oneshot::channel();
        let ends = async move {
            let _ = tell.send(());
        };
        executor.spawn("ends", Box::pin(ends));
        assert_eq!(executor.run(told, 100, || panic!("a task is ready")), Ok(Ok(())));
        executor.clear();
        executor.spawn("the next", Box::pin(async {}));
        assert_eq!(executor.waiting(), "the main task, the next");
    }

    #[test]
    fn a_waker_of_a_task_that_has_ended_does_not_wake_the_next_one_in_its_place() {
        let executor = Executor::new();
        let (tell, told) = oneshot::channel();
        let keep = async move {
            let _ = tell.send(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
        };
        executor.spawn("keeps", Box::pin(keep));
        let stale = executor.run(told, 100, || panic!("a task is ready")).unwrap().unwrap();
        let polls = Arc::new(Mutex::new(0));
        let counted = polls.clone();
        let never = poll_fn(move |_| {
            *counted.lock() += 1;
            Poll::Pending
        });
        executor.spawn("the next", Box::pin(never));
        stale.wake();
        let ends = executor
            .run(std::future::pending::<()>(), 100, || Err(Stalled::deadlock(Time::ZERO, String::new())));
        assert!(ends.is_err());
        assert_eq!(*polls.lock(), 1);
    }
}
