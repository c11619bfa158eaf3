//! Timers of nanosecond precision over any clock.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::unit::{Lock, Time};

/// The clock of timers.
pub(crate) trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Time;
    /// The earliest timer is due at `at`: the owner of the clock must call [`Timers::fire`] then.
    fn arm(&self, at: Time);
}

/// Stale alarms that do not justify compacting the heap.
const MOST_STALE: usize = 64;

/// All timers of one clock. The owner of the clock calls `Timers::fire` when one is due.
pub struct Timers {
    clock: Arc<dyn Clock>,
    queue: Lock<Queue>,
}

#[derive(Default)]
struct Queue {
    slots: Vec<Slot>,
    free: Vec<usize>,
    heap: BinaryHeap<Reverse<Alarm>>,
    sequence: u64,
    /// The instant for which the clock is armed. Arming costs a system call in real time, so a clock whose first
    /// deadline moved later is left to fire early.
    rings_at: Option<Time>,
}

#[derive(Default)]
struct Slot {
    deadline: Time,
    /// The alarm in the heap for this slot. It may fire before the deadline, which moved later since (quinn moves its
    /// deadlines with every packet); it is then set again.
    armed: Option<Alarm>,
    waker: Option<Waker>,
}

/// Ordered by instant, then by age: two timers of one instant fire in the order they were armed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Alarm {
    at: Time,
    sequence: u64,
    slot: usize,
}

impl Timers {
    /// Timers that read `clock`, for any thread.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, queue: Lock::new(false, Queue::default()) })
    }

    /// Timers that read `clock`, for the calling thread alone.
    pub(super) fn of_this_thread(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, queue: Lock::new(true, Queue::default()) })
    }

    /// The current time.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// When the earliest timer that is still awaited is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.lock().next()
    }

    /// Wakes all timers whose deadline is at or before `now`, in the order of their deadlines.
    pub(crate) fn fire(&self, now: Time) {
        loop {
            let mut queue = self.queue.lock();
            if queue.next().is_none_or(|at| at > now) {
                return;
            }
            let waker = queue.pop();
            drop(queue);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Arms the clock for the earliest timer, if there is one.
    pub(crate) fn rearm(&self) {
        let mut queue = self.queue.lock();
        queue.rings_at = queue.next();
        if let Some(at) = queue.rings_at {
            self.clock.arm(at);
        }
    }
}

impl Queue {
    fn allocate(&mut self, deadline: Time) -> usize {
        let slot = Slot { deadline, ..Slot::default() };
        if let Some(index) = self.free.pop() {
            self.slots[index] = slot;
            index
        } else {
            self.slots.push(slot);
            self.slots.len() - 1
        }
    }

    /// Ensures that an alarm fires no later than the slot's deadline.
    fn arm(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if slot.armed.is_some_and(|alarm| alarm.at <= slot.deadline) {
            return;
        }
        let alarm = Alarm { at: slot.deadline, sequence: self.sequence, slot: index };
        slot.armed = Some(alarm);
        self.sequence += 1;
        self.heap.push(Reverse(alarm));
        self.compact();
    }

    /// Compacts the heap once stale alarms dominate: waits that end long before their timeout leave many.
    fn compact(&mut self) {
        let Self { slots, free, heap, .. } = self;
        if heap.len() > 2 * (slots.len() - free.len()) + MOST_STALE {
            heap.retain(|Reverse(alarm)| slots[alarm.slot].armed == Some(*alarm));
        }
    }

    /// The instant of the first alarm that is not stale. Alarms that fire too early are set again.
    fn next(&mut self) -> Option<Time> {
        while let Some(&Reverse(alarm)) = self.heap.peek() {
            let slot = &mut self.slots[alarm.slot];
            if slot.armed != Some(alarm) {
                self.heap.pop();
            } else if slot.deadline > alarm.at {
                self.heap.pop();
                slot.armed = None;
                self.arm(alarm.slot);
            } else {
                return Some(alarm.at);
            }
        }
        None
    }

    /// The first alarm, if the clock must be armed for it.
    fn rings_too_late(&mut self) -> Option<Time> {
        let Reverse(first) = self.heap.peek()?;
        if self.rings_at.is_some_and(|at| at <= first.at) {
            return None;
        }
        self.rings_at = Some(first.at);
        self.rings_at
    }

    fn pop(&mut self) -> Option<Waker> {
        let Reverse(alarm) = self.heap.pop()?;
        let slot = &mut self.slots[alarm.slot];
        slot.armed = None;
        slot.waker.take()
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").finish_non_exhaustive()
    }
}

/// Completes at an instant, which can be changed at any time.
#[derive(Debug)]
pub struct Sleep {
    timers: Arc<Timers>,
    slot: usize,
}

impl Sleep {
    pub(super) fn new(timers: Arc<Timers>, at: Time) -> Self {
        let slot = timers.queue.lock().allocate(at);
        Self { timers, slot }
    }

    /// Completes at `at` instead, even if it had completed already.
    pub fn reset(&mut self, at: Time) {
        self.timers.queue.lock().slots[self.slot].deadline = at;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.timers.now();
        let mut queue = self.timers.queue.lock();
        let slot = &mut queue.slots[self.slot];
        let deadline = slot.deadline;
        if now >= deadline {
            slot.waker = None;
            return Poll::Ready(());
        }
        match &mut slot.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        queue.arm(self.slot);
        // Under the lock, or a later deadline could be armed over an earlier one of another thread.
        if let Some(at) = queue.rings_too_late() {
            self.timers.clock.arm(at);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut queue = self.timers.queue.lock();
        // This makes its alarm stale.
        let waker = std::mem::take(&mut queue.slots[self.slot]).waker;
        queue.free.push(self.slot);
        drop(queue);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        task::Wake,
        time::Duration,
    };

    use super::*;

    #[derive(Default)]
    struct Hands {
        now: AtomicU64,
        armed: AtomicU64,
    }
    impl Clock for Hands {
        fn now(&self) -> Time {
            Time::from_nanos(self.now.load(Ordering::Relaxed))
        }
        fn arm(&self, _: Time) {
            self.armed.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[derive(Default)]
    struct Count(AtomicU64);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Bench {
        hands: Arc<Hands>,
        timers: Arc<Timers>,
        woken: Arc<Count>,
    }

    impl Bench {
        fn new() -> Self {
            let hands = Arc::<Hands>::default();
            Self { timers: Timers::new(hands.clone()), hands, woken: Arc::default() }
        }
        fn sleep(&self, at: u64) -> Sleep {
            Sleep::new(self.timers.clone(), Time::from_nanos(at))
        }
        fn poll(&self, sleep: &mut Sleep) -> bool {
            let waker = Waker::from(self.woken.clone());
            Pin::new(sleep).poll(&mut Context::from_waker(&waker)).is_ready()
        }
        fn advance(&self, to: u64) -> u64 {
            self.hands.now.store(to, Ordering::Relaxed);
            self.timers.fire(Time::from_nanos(to));
            self.woken.0.swap(0, Ordering::Relaxed)
        }
        fn next(&self) -> Option<u64> {
            self.timers.next().map(Time::as_nanos)
        }
    }

    #[test]
    fn a_sleep_wakes_at_its_instant_and_not_before() {
        let bench = Bench::new();
        let mut sleep = bench.sleep(10);
        assert!(!bench.poll(&mut sleep));
        assert_eq!(bench.advance(9), 0);
        assert!(!bench.poll(&mut sleep));
        assert_eq!(bench.advance(10), 1);
        assert!(bench.poll(&mut sleep));
    }

    #[test]
    fn a_deadline_moved_later_fires_only_once() {
        let bench = Bench::new();
        let mut sleep = bench.sleep(10);
        assert!(!bench.poll(&mut sleep));
        sleep.reset(Time::ZERO + Duration::from_nanos(20));
        assert!(!bench.poll(&mut sleep));
        assert_eq!(bench.next(), Some(20));
        assert_eq!(bench.advance(15), 0);
        assert_eq!(bench.advance(20), 1);
    }

    #[test]
    fn a_deadline_moved_earlier_fires_earlier() {
        let bench = Bench::new();
        let mut sleep = bench.sleep(20);
        assert!(!bench.poll(&mut sleep));
        sleep.reset(Time::from_nanos(5));
        assert!(!bench.poll(&mut sleep));
        assert_eq!(bench.advance(5), 1);
        assert!(bench.poll(&mut sleep));
        assert_eq!(bench.next(), None, "the alarm at 20 is stale");
    }

    #[test]
    fn the_clock_is_armed_only_for_what_is_earlier_than_all_before() {
        let bench = Bench::new();
        let armed = || bench.hands.armed.swap(0, Ordering::Relaxed);
        let (mut first, mut second) = (bench.sleep(10), bench.sleep(30));
        assert!(!bench.poll(&mut first) && !bench.poll(&mut second));
        assert_eq!(armed(), 1, "the second is later");
        first.reset(Time::from_nanos(20));
        assert!(!bench.poll(&mut first));
        assert_eq!(armed(), 0, "at 10 it rings for nothing");
        assert_eq!(bench.advance(10), 0);
        bench.timers.rearm();
        assert_eq!((armed(), bench.next()), (1, Some(20)));
        second.reset(Time::from_nanos(15));
        assert!(!bench.poll(&mut second));
        assert_eq!(armed(), 1);
    }

    #[test]
    fn a_dropped_sleep_does_not_hold_the_clock() {
        let bench = Bench::new();
        let mut sleep = bench.sleep(10);
        assert!(!bench.poll(&mut sleep));
        drop(sleep);
        assert_eq!(bench.next(), None);
        let mut reused = bench.sleep(30);
        assert!(!bench.poll(&mut reused));
        assert_eq!(bench.next(), Some(30));
    }

    #[test]
    fn waits_that_end_long_before_their_timeout_leave_nothing_behind() {
        let bench = Bench::new();
        let mut kept = bench.sleep(7_000);
        assert!(!bench.poll(&mut kept));
        for n in 0..10_000 {
            let mut limit = bench.sleep(1_000_000 + n);
            assert!(!bench.poll(&mut limit));
        }
        assert!(bench.timers.queue.lock().heap.len() <= MOST_STALE + 3);
        assert_eq!(bench.next(), Some(7_000));
        assert_eq!(bench.advance(7_000), 1);
    }
}
