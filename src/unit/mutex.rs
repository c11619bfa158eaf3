//! A mutex that ignores poisoning.

#![expect(clippy::disallowed_types, reason = "the one place that wraps it")]

use std::sync::{self, MutexGuard, PoisonError};

/// A [`std::sync::Mutex`] that can be locked even if a thread panicked while holding it. The panic ends the run anyway.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A mutex around `value`.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
