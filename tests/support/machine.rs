//! The machine that the tests run on.

use std::{fs, os::unix::fs::MetadataExt, sync::MutexGuard};

use wirelab::unit::Mutex;

/// Tests that measure real time disturb each other, so they run one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock()
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
