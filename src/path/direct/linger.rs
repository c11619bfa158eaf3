//! Whether to poll for a moment before sleeping.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crate::{path::Timers, unit::Time};

/// Upper bound on a round trip when both ends sleep and are woken on other cores. Polling for longer in vain costs more
/// than sleeping.
const MOMENT: Duration = Duration::from_micros(100);

/// Datagrams at shorter intervals are a stream, which is received in larger batches by a task that sleeps in between.
const STREAM: Duration = Duration::from_micros(2);

/// If one call moves at least this many bytes, its datagrams are a stream too, whatever their interval.
const STREAM_BYTES: usize = 8 << 10;

/// The longest time for which other tasks of this thread may wait.
const TURN: Duration = Duration::from_micros(200);

/// A peer on the same core gives the core back sooner than this; a computation does not.
const TAKEN: Duration = Duration::from_micros(500);

/// How long a core counts as busy once another thread was found to need it.
const BUSY: Duration = Duration::from_millis(100);

/// Polls again if the last wait was short, as in a quick exchange, because that is faster than being woken. It yields
/// the core before each poll, so that the peer can run on it. If another thread keeps the core for longer than a peer
/// would, the core is busy, and sleeping is better: the scheduler prefers a thread that was asleep.
#[derive(Debug)]
pub(super) struct Linger {
    timers: Arc<Timers>,
    /// When the current wait began.
    since: Option<Time>,
    /// Since when other tasks of this thread have been waiting.
    turn: Option<Time>,
    /// The length of the last wait.
    waited: Duration,
    /// Whether a call has moved [`STREAM_BYTES`] since the last wait.
    stream: bool,
    busy_until: Time,
}

/// The result of polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Found,
    /// Nothing was received; sleep.
    Vain,
    /// Other tasks of this thread have waited long enough.
    OthersTurn,
}

impl Linger {
    pub(super) fn new(timers: Arc<Timers>) -> Self {
        Self { timers, since: None, turn: None, waited: Duration::MAX, stream: false, busy_until: Time::ZERO }
    }

    /// Something was received.
    pub(super) fn received(&mut self) {
        if self.since.is_some() {
            self.received_at(self.timers.now());
        }
    }

    fn received_at(&mut self, now: Time) {
        if let Some(since) = self.since.take() {
            self.waited = if std::mem::take(&mut self.stream) { Duration::ZERO } else { now.since(since) };
        }
    }

    /// One call has sent this many bytes, or received them in one buffer.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.stream |= bytes >= STREAM_BYTES;
    }

    /// Nothing was received. Calls `look` until it finds something, until sleeping is better, or until a timer is due.
    pub(super) fn look(&mut self, mut look: impl FnMut() -> bool) -> Look {
        let mut before = self.timers.now();
        let Some(until) = self.until(before) else { return self.sleep() };
        if before.since(*self.turn.get_or_insert(before)) > TURN {
            self.turn = None;
            return Look::OthersTurn;
        }
        let until = self.timers.next().map_or(until, |due| due.min(until));
        while before < until {
            let after = self.give_way(before);
            if look() {
                self.received_at(after);
                return Look::Found;
            }
            before = after;
        }
        self.sleep()
    }

    /// Nothing was received: whether to poll again once the other tasks of this thread have had their turn.
    pub(super) fn stays_awake(&mut self) -> bool {
        let now = self.timers.now();
        let awake = self.until(now).is_some_and(|until| now < until);
        if awake {
            self.give_way(now);
        }
        awake
    }

    /// Until when to poll; `None`: sleep.
    fn until(&mut self, now: Time) -> Option<Time> {
        let since = *self.since.get_or_insert(now);
        let quick = (STREAM..MOMENT).contains(&self.waited) && !self.stream;
        (quick && now >= self.busy_until).then(|| since + MOMENT)
    }

    /// Yields the core, and returns the time afterwards.
    fn give_way(&mut self, before: Time) -> Time {
        rustix::thread::sched_yield();
        let after = self.timers.now();
        if after.since(before) > TAKEN {
            self.busy_until = after + BUSY;
        }
        after
    }

    fn sleep(&mut self) -> Look {
        self.turn = None;
        Look::Vain
    }
}

/// Lets the other tasks of this thread and the reactor run first, then polls this task again.
pub(super) fn after_others<T>(cx: &mut Context<'_>) -> Poll<T> {
    let yielding = pin!(tokio::task::yield_now());
    // The first poll is pending, and arranges the wake-up.
    let _ = yielding.poll(cx);
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        sync::atomic::{AtomicU64, Ordering},
        task::{Context, Waker},
    };

    use super::*;
    use crate::path::{Clock, Sleep};

    /// A clock that advances by `step` at each reading.
    struct Reads {
        now: AtomicU64,
        step: AtomicU64,
    }

    impl Clock for Reads {
        fn now(&self) -> Time {
            Time::from_nanos(self.now.fetch_add(self.step.load(Ordering::Relaxed), Ordering::Relaxed))
        }
        fn arm(&self, _: Time) {}
    }

    struct Bench {
        clock: Arc<Reads>,
        timers: Arc<Timers>,
        linger: Linger,
    }

    impl Bench {
        fn new() -> Self {
            let clock = Arc::new(Reads { now: AtomicU64::new(0), step: AtomicU64::new(1000) });
            let timers = Timers::new(clock.clone());
            Self { linger: Linger::new(timers.clone()), clock, timers }
        }

        /// Sleeps for `wait`, then receives.
        fn hears_after(&mut self, wait: Duration) {
            assert_eq!(self.looks(), (Look::Vain, 0), "it sleeps");
            self.pass(wait);
            self.linger.received();
        }

        /// The result of polling an empty socket, and the number of polls.
        fn looks(&mut self) -> (Look, u64) {
            let mut looks = 0;
            let look = self.linger.look(|| {
                looks += 1;
                false
            });
            (look, looks)
        }

        fn pass(&self, time: Duration) {
            self.clock.now.fetch_add(time.as_nanos().try_into().unwrap(), Ordering::Relaxed);
        }
    }

    #[test]
    fn after_a_long_wait_it_sleeps_at_once() {
        let mut bench = Bench::new();
        bench.hears_after(2 * MOMENT);
        assert_eq!(bench.looks(), (Look::Vain, 0));
        assert!(!bench.linger.stays_awake());
    }

    #[test]
    fn after_a_short_one_it_looks_for_a_moment_and_then_sleeps() {
        let mut bench = Bench::new();
        bench.hears_after(MOMENT / 2);
        let (look, looks) = bench.looks();
        assert_eq!(look, Look::Vain);
        // Each look takes a microsecond here.
        assert!((MOMENT.as_micros() as u64 - 3..=MOMENT.as_micros() as u64).contains(&looks), "{looks}");
        assert_eq!(bench.looks(), (Look::Vain, 0), "what has not come in a moment is waited for asleep");
    }

    #[test]
    fn with_the_reactor_it_stays_awake_for_as_long() {
        let mut bench = Bench::new();
        bench.hears_after(MOMENT / 2);
        let awake = (0..1000).take_while(|_| bench.linger.stays_awake()).count();
        assert!((10..=MOMENT.as_micros() as usize).contains(&awake), "{awake}");
    }

    #[test]
    fn in_a_stream_it_sleeps_so_that_more_is_received_at_once() {
        let mut bench = Bench::new();
        bench.hears_after(Duration::ZERO);
        assert_eq!(bench.looks(), (Look::Vain, 0));
    }

    #[test]
    fn long_batches_are_a_stream_at_any_interval() {
        let mut bench = Bench::new();
        for _ in 0..3 {
            bench.hears_after(MOMENT / 2);
            bench.linger.moved(STREAM_BYTES);
        }
        assert_eq!(bench.looks(), (Look::Vain, 0));
        bench.linger.received();
        assert_eq!(bench.looks(), (Look::Vain, 0), "the last wait was in a stream");
        bench.hears_after(MOMENT / 2);
        bench.linger.moved(STREAM_BYTES - 1);
        assert!(bench.looks().1 > 0);
    }

    #[test]
    fn others_of_the_thread_have_their_turn_while_datagrams_keep_coming() {
        let mut bench = Bench::new();
        bench.hears_after(MOMENT / 2);
        let start = bench.timers.now();
        // Each comes while the peer has the core, which takes longer than in a stream.
        bench.clock.step.store(5000, Ordering::Relaxed);
        let found = (0..1000).take_while(|_| bench.linger.look(|| true) == Look::Found).count();
        let took = bench.timers.now() - start;
        assert!(found > 10, "{found}");
        assert!(took > TURN && took < 2 * TURN, "{took:?}");
        assert_eq!(bench.linger.look(|| true), Look::Found, "and then it is its own again");
    }

    #[test]
    fn no_timer_is_late_for_it() {
        let mut bench = Bench::new();
        bench.hears_after(MOMENT / 2);
        let due = bench.timers.now() + MOMENT / 4;
        let mut timer = Sleep::new(bench.timers.clone(), due);
        assert!(Pin::new(&mut timer).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(bench.looks().0, Look::Vain);
        assert!(bench.timers.now() < due + Duration::from_micros(5));
    }

    #[test]
    fn where_another_needs_the_core_it_sleeps_for_a_while() {
        let mut bench = Bench::new();
        bench.hears_after(MOMENT / 2);
        // It was away for longer than a peer would have been.
        bench.clock.step.store(2 * TAKEN.as_nanos() as u64, Ordering::Relaxed);
        bench.looks();
        bench.clock.step.store(1000, Ordering::Relaxed);
        bench.linger.received();
        for wait in [MOMENT / 2, MOMENT / 2] {
            bench.hears_after(wait);
        }
        bench.pass(BUSY);
        assert!(bench.looks().1 > 0, "the core may be free again");
    }
}
