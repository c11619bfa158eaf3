//! Whether to look again for a moment before sleeping.

use std::time::{Duration, Instant};

/// What sleeping in epoll and being woken costs at most, on one core: whoever waits that long in vain has lost as much
/// again, and no more.
const MOMENT: Duration = Duration::from_micros(20);

/// How often in a row, so that the tasks and timers that share the thread get their turn.
const IN_A_ROW: u8 = 16;

/// How long a core is taken for busy once somebody else was found to need it.
const BUSY: Duration = Duration::from_millis(100);

/// Looks again where the last wait was short, as it is in a quick exchange. Each look gives the core away first, so that
/// the peer can run on it. Where others take it for longer than a peer would, it is not free, and sleeping is better: who
/// is woken goes before those who have run.
#[derive(Debug, Default)]
pub(super) struct Linger {
    /// Since when nothing has come.
    since: Option<Instant>,
    /// Whether the last wait was over in a moment.
    short: bool,
    in_a_row: u8,
    busy_until: Option<Instant>,
}

impl Linger {
    /// Something was received.
    pub(super) fn received(&mut self) {
        if let Some(since) = self.since.take() {
            self.short = now() - since < MOMENT;
        }
    }

    /// Nothing is there. Calls `look` as long as that is worth it; `true` if it found something.
    pub(super) fn look(&mut self, mut look: impl FnMut() -> bool) -> bool {
        let since = *self.since.get_or_insert_with(now);
        if !self.short || self.in_a_row == IN_A_ROW || self.busy_until.is_some_and(|until| since < until) {
            self.in_a_row = 0;
            return false;
        }
        let mut before = since;
        while before - since < MOMENT {
            rustix::thread::sched_yield();
            let found = look();
            let after = now();
            if after - before > MOMENT {
                self.busy_until = Some(after + BUSY);
            }
            if found {
                self.in_a_row += 1;
                self.received();
                return true;
            }
            before = after;
        }
        false
    }
}

#[expect(clippy::disallowed_methods, reason = "real sockets wait in real time")]
fn now() -> Instant {
    Instant::now()
}
