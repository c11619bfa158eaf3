//! The machine that the tests run on.

use std::{fs, os::unix::fs::MetadataExt, sync::MutexGuard};

use wirelab::{
    link::LinkSpec,
    path::netns::World,
    unit::{Mutex, PerDirection},
};

use super::skip;

/// Tests that measure real time disturb each other, so they run one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock()
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether this process may create network namespaces. Skips where it may not.
pub(crate) fn has_namespaces() -> bool {
    let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
    world.inspect_err(|error| skip(&error.to_string())).is_ok()
}
