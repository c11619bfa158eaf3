//! The monotonic clock, and a kernel timer that rings to the nanosecond asked.

use std::{
    io,
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe;

use crate::{
    path::{Clock, Timers},
    unit::Time,
};

/// tokio's wheel turns once a millisecond; a `timerfd` is late by some tens of microseconds only.
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

    /// Fires `timers` whenever the kernel's timer rings.
    pub(super) fn drive(self: Arc<Self>, timers: Arc<Timers>) -> io::Result<impl Future<Output = ()> + Send> {
        // A timerfd is waited for and read like a pipe, and tokio takes it as one without `unsafe`.
        let ringing = pipe::Receiver::from_owned_fd_unchecked(self.timer.try_clone()?)?;
        Ok(async move {
            while ringing.readable().await.is_ok() {
                timers.fire(self.now());
                // Arming it again clears what has rung, so that this read finds nothing and the next
                // wait is one; where it rings in between, the read succeeds and the wait is none.
                timers.rearm();
                let _ = ringing.try_read(&mut [0; 8]);
            }
        })
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "here is where real time is read for all")]
    fn now(&self) -> Time {
        Time::ZERO + (Instant::now() - self.origin)
    }

    fn arm(&self, at: Time) {
        // Zero would disarm it.
        let wait = at.since(self.now()).max(Duration::from_nanos(1));
        let spec = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            },
        };
        // Fails only for a bad descriptor or a malformed time, and these are neither.
        let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec);
    }
}
