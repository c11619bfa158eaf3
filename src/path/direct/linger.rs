//! Whether to look again for a moment before sleeping.

use std::{sync::Arc, time::Duration};

use crate::{path::Timers, time::Time};

/// What an exchange takes at most in which both ends sleep: each is woken on another core. Whoever waits that long in vain
/// has lost as much again, and no more.
const MOMENT: Duration = Duration::from_micros(100);

/// Where datagrams come as fast as this they are a stream, and more is received at once by who does not run after each.
const STREAM: Duration = Duration::from_micros(2);

/// How long other tasks of this thread may have to wait.
const TURN: Duration = Duration::from_micros(200);

/// A peer on the same core gives it back sooner than this. Somebody who computes does not.
const TAKEN: Duration = Duration::from_micros(500);

/// How long a core is taken for busy once somebody else was found to need it.
const BUSY: Duration = Duration::from_millis(100);

/// Looks again where the last wait was short, as it is in a quick exchange: that is faster than being woken. Each look gives
/// the core away first, so that the peer can run on it. Where others take it for longer than a peer would, it is not free,
/// and sleeping is better: who is woken goes before those who have run.
#[derive(Debug)]
pub(super) struct Linger {
    timers: Arc<Timers>,
    /// Since when nothing has come.
    since: Option<Time>,
    /// Since when other tasks of this thread have not had their turn.
    turn: Option<Time>,
    /// How long the last wait was.
    waited: Duration,
    busy_until: Time,
}

/// What came of looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Found,
    /// Nothing is there, and it is better to sleep.
    Vain,
    /// Somebody else on this thread may have waited long enough.
    OthersTurn,
}

impl Linger {
    pub(super) fn new(timers: Arc<Timers>) -> Self {
        Self { timers, since: None, turn: None, waited: Duration::MAX, busy_until: Time::ZERO }
    }

    /// Something was received.
    pub(super) fn received(&mut self) {
        if self.since.is_some() {
            self.received_at(self.timers.now());
        }
    }

    fn received_at(&mut self, now: Time) {
        if let Some(since) = self.since.take() {
            self.waited = now.since(since);
        }
    }

    /// Nothing is at hand. Calls `look` as long as that is worth it and no timer is due.
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

    /// Nothing is at hand: whether to look again once all others of this thread have had their turn.
    pub(super) fn stays_awake(&mut self) -> bool {
        let now = self.timers.now();
        let awake = self.until(now).is_some_and(|until| now < until);
        if awake {
            self.give_way(now);
        }
        awake
    }

    /// How long sleeping is worse, if it is at all.
    fn until(&mut self, now: Time) -> Option<Time> {
        let since = *self.since.get_or_insert(now);
        ((STREAM..MOMENT).contains(&self.waited) && now >= self.busy_until).then(|| since + MOMENT)
    }

    /// Lets others have the core, and returns when it came back.
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
