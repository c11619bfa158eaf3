//! Precise waiting, on a thread that does nothing else.

use std::{io, num::NonZeroU64, thread, time::Duration};

use rustix::{
    event::{PollFd, Timespec, poll},
    io::Errno,
    thread::set_current_timer_slack,
};

use super::contention::Contention;
use crate::unit::Time;

/// How long before the deadline sleeping ends and spinning begins: the time that the kernel takes to wake a thread
/// (85 us at the median on a virtual machine, 120 us at the 99th percentile).
const SPIN: Duration = Duration::from_micros(120);
/// A spinning thread that was away for this long may have lost its core to another one.
const AWAY: Duration = Duration::from_micros(30);
/// How long it does not spin if it has: the other thread may need the core again.
const REST: Duration = Duration::from_millis(100);

/// Waits for descriptors and deadlines, on one thread.
///
/// The kernel wakes a thread some tens of microseconds late. So the thread spins over the last of them, still polling
/// its descriptors, as long as it has a core to itself: on a busy machine it would delay the threads that it waits for.
#[derive(Debug)]
pub struct Waiter {
    may_spin: bool,
    rests_until: Time,
    contention: Contention,
}

impl Waiter {
    /// A waiter for the calling thread; sets the thread's timer slack to the minimum.
    #[expect(clippy::new_without_default, reason = "it changes the thread that calls it")]
    pub fn new() -> Self {
        // Otherwise timers expire up to 50 us late.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { may_spin: cores > 1, rests_until: Time::ZERO, contention: Contention::new() }
    }

    /// Waits until one of `fds` is ready, or until `until` by the clock `now`. Returns whether one is ready; `revents`
    /// tells which.
    ///
    /// Returns the errors of `ppoll`; an interrupted wait continues.
    pub fn wait(
        &mut self,
        fds: &mut [PollFd<'_>],
        until: Option<Time>,
        now: impl Fn() -> Time,
    ) -> io::Result<bool> {
        let Some(until) = until else {
            self.contention.before_sleep();
            return sleep(fds, None);
        };
        let begun = now();
        let spins = self.may_spin && begun >= self.rests_until;
        let left = until.since(begun).saturating_sub(if spins { SPIN } else { Duration::ZERO });
        if !left.is_zero() {
            self.contention.before_sleep();
        }
        if sleep(fds, Some(left))? {
            return Ok(true);
        }
        if spins { self.spin(fds, until, now) } else { Ok(false) }
    }

    fn spin(&mut self, fds: &mut [PollFd<'_>], until: Time, now: impl Fn() -> Time) -> io::Result<bool> {
        let mut last = now();
        if last >= until {
            self.rest_if_shared(last);
        }
        while last < until {
            if sleep(fds, Some(Duration::ZERO))? {
                return Ok(true);
            }
            let looked = now();
            if looked.since(last) > AWAY {
                self.rest_if_shared(looked);
            }
            last = looked;
        }
        Ok(false)
    }

    /// Does not spin for a while, unless it was late although no other thread had its core: an idle core takes time to
    /// wake up, and a hypervisor may have used it.
    fn rest_if_shared(&mut self, now: Time) {
        if self.contention.is_shared() {
            self.rests_until = now + REST;
        }
    }
}

/// Sleeps until one of `fds` is ready, for at most `time`.
fn sleep(fds: &mut [PollFd<'_>], time: Option<Duration>) -> io::Result<bool> {
    let time = time.map(|time| Timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    match poll(fds, time.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        // Interrupted by a signal: the caller checks the time again.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
