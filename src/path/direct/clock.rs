//! The monotonic clock, and a kernel timer of nanosecond resolution.

use std::{
    fs, io,
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe;

use crate::{
    path::{Clock, Timers},
    unit::Time,
};

/// tokio's timer wheel has a resolution of a millisecond; a `timerfd` is late by some tens of microseconds only.
#[derive(Debug)]
pub(super) struct RealClock {
    origin: Instant,
    timer: OwnedFd,
}

impl RealClock {
    pub(super) fn new(origin: Instant) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self { origin, timer: timerfd_create(TimerfdClockId::Monotonic, flags)? })
    }

    pub(super) fn origin(&self) -> Instant {
        self.origin
    }

    /// Fires `timers` whenever the kernel's timer expires.
    pub(super) fn drive(self: Arc<Self>, timers: Arc<Timers>) -> io::Result<impl Future<Output = ()> + Send> {
        // A timerfd is polled and read like a pipe, so tokio's pipe drives it without `unsafe`.
        let ringing = pipe::Receiver::from_owned_fd_unchecked(self.timer.try_clone()?)?;
        Ok(async move {
            while ringing.readable().await.is_ok() {
                timers.fire(self.now());
                // Arming clears the expiry, so this read fails and tokio waits for the next one. If the timer expires
                // in between, the read succeeds and the next wait returns at once.
                timers.rearm();
                let _ = ringing.try_read(&mut [0; 8]);
            }
        })
    }
}

/// How long the calling thread has run, plus how long it has waited for a core if the kernel reports that.
pub(super) fn busy_time() -> Option<Duration> {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let ran = Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
    Some(ran + core_wait().unwrap_or_default())
}

/// How long the calling thread has waited for a core. `None` if the kernel has no scheduler statistics.
fn core_wait() -> Option<Duration> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads real time")]
    fn now(&self) -> Time {
        Time::ZERO + (Instant::now() - self.origin)
    }

    fn arm(&self, at: Time) {
        // Zero would disarm the timer.
        let wait = at.since(self.now()).max(Duration::from_nanos(1));
        let spec = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            },
        };
        // Fails only for a bad descriptor or an invalid time.
        let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec);
    }
}
