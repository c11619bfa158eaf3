//! How long a thread has waited for a core that other threads had.

use std::time::Duration;

use rustix::{
    fd::OwnedFd,
    fs::{CWD, Mode, OFlags, openat},
    io::pread,
};

/// The kernel takes less than this to switch threads. A longer wait means that another thread ran.
const SWITCH: Duration = Duration::from_micros(30);

/// Tells whether the calling thread had to share its core. Waking up late does not show that: the core may have been
/// idle, or the hypervisor busy.
#[derive(Debug)]
pub(super) struct Contention {
    /// The thread's scheduler statistics. `None` where the system has none.
    statistics: Option<OwnedFd>,
    /// How long it had waited when it last went to sleep.
    waited: Duration,
}

impl Contention {
    /// Of the calling thread.
    pub(super) fn new() -> Self {
        let path = c"/proc/thread-self/schedstat";
        let statistics = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
        Self { statistics, waited: Duration::ZERO }
    }

    /// The thread is about to sleep.
    pub(super) fn before_sleep(&mut self) {
        self.waited = self.read().unwrap_or_default();
    }

    /// Whether other threads have had the core since the last sleep began, although this one could run. True where
    /// that is not known.
    pub(super) fn is_shared(&self) -> bool {
        self.read().is_none_or(|waited| waited.saturating_sub(self.waited) > SWITCH)
    }

    /// How long the thread has waited in all: the second number, in nanoseconds.
    fn read(&self) -> Option<Duration> {
        let mut text = [0; 64];
        let length = pread(self.statistics.as_ref()?, &mut text, 0).ok()?;
        let text = str::from_utf8(&text[..length]).ok()?;
        text.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_system_has_no_statistics_a_core_counts_as_shared() {
        let mut unknown = Contention { statistics: None, waited: Duration::ZERO };
        unknown.before_sleep();
        assert!(unknown.is_shared());
    }

    /// The kernel's file has the time on a core, the time spent waiting for one, both in nanoseconds, and the number of
    /// time slices.
    #[test]
    fn a_wait_for_a_core_counts_from_the_last_sleep() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let shows = |waited: Duration| {
            std::fs::write(file.path(), format!("700 {} 3\n", waited.as_nanos())).unwrap();
        };
        let statistics = Some(file.reopen().unwrap().into());
        let mut contention = Contention { statistics, waited: Duration::ZERO };
        let before = Duration::from_secs(5);
        shows(before);
        contention.before_sleep();
        shows(before + SWITCH);
        assert!(!contention.is_shared());
        shows(before + 2 * SWITCH);
        assert!(contention.is_shared());
        contention.before_sleep();
        assert!(!contention.is_shared());
    }
}
