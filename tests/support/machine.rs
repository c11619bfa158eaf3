//! The machine that the tests run on.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    sync::{Condvar, MutexGuard, PoisonError},
    thread,
};

use wirelab::{
    link::LinkSpec,
    path::netns::World,
    unit::{Mutex, PerDirection},
};

use super::skip;

/// How many tests share the machine at a time.
const TOGETHER: usize = 6;

static MACHINE: Machine = Machine { tests: Mutex::new(Tests::NONE), changed: Condvar::new() };

struct Machine {
    tests: Mutex<Tests>,
    changed: Condvar,
}

/// The tests that use the machine or wait for it.
struct Tests {
    is_alone: bool,
    together: usize,
    /// Those that wait to share it. They go first, so that all that can run together do.
    sharers: usize,
}

impl Tests {
    const NONE: Self = Self { is_alone: false, together: 0, sharers: 0 };
}

impl Machine {
    /// Waits while `is_busy`.
    fn wait_while(&self, is_busy: impl Fn(&Tests) -> bool) -> MutexGuard<'_, Tests> {
        let free = self.changed.wait_while(self.tests.lock(), |tests| is_busy(tests));
        free.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Use of the machine, until it is dropped.
#[must_use]
pub(crate) struct Turn(());

impl Drop for Turn {
    fn drop(&mut self) {
        let mut tests = MACHINE.tests.lock();
        if tests.is_alone {
            tests.is_alone = false
        } else {
            tests.together -= 1
        }
        MACHINE.changed.notify_all();
    }
}

/// For a test whose times a busy machine would spoil, that sends bursts, which overflow a socket whose reader waits for
/// a core, or that keeps the machine busy: no other test runs meanwhile.
pub(crate) fn alone() -> Turn {
    let mut tests = MACHINE.wait_while(|tests| tests.is_alone || tests.together > 0 || tests.sharers > 0);
    tests.is_alone = true;
    Turn(())
}

/// For a test that mostly waits and has no upper bound on a time: a few of these run at a time.
pub(crate) fn together() -> Turn {
    MACHINE.tests.lock().sharers += 1;
    let mut tests = MACHINE.wait_while(|tests| tests.is_alone || tests.together == TOGETHER);
    tests.sharers -= 1;
    tests.together += 1;
    Turn(())
}

/// Calls `check` with all `cases` at once: for cases that mostly wait.
pub(crate) fn at_once<C: Send>(cases: impl IntoIterator<Item = C>, check: impl Fn(C) + Sync) {
    // `skip` names the test by its thread.
    let name = thread::current().name().unwrap_or_default().to_owned();
    thread::scope(|scope| {
        for case in cases {
            let check = &check;
            let thread = thread::Builder::new().name(name.clone());
            thread.spawn_scoped(scope, move || check(case)).expect("a thread");
        }
    });
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether this process may create network namespaces. Skips where it may not.
pub(crate) fn has_namespaces() -> bool {
    let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
    world.inspect_err(|error| skip(&error.to_string())).is_ok()
}
