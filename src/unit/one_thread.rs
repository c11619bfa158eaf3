//! A value that one thread uses, although others may hold it.

use std::{
    cell::{RefCell, RefMut},
    fmt,
    ops::{Deref, DerefMut},
    sync::MutexGuard,
};

use thread_local::ThreadLocal;

use super::Mutex;

/// A value for the thread that made it. Unlike a mutex, access takes no atomic read-modify-write, which costs more than
/// most of the work in virtual time.
pub(crate) struct OneThread<T: Send>(ThreadLocal<RefCell<T>>);

impl<T: Send> OneThread<T> {
    /// `value`, for the calling thread.
    pub(crate) fn new(value: T) -> Self {
        let local = ThreadLocal::new();
        local.get_or(|| RefCell::new(value));
        Self(local)
    }

    /// The value.
    ///
    /// # Panics
    ///
    /// If another thread made it, or if it is in use.
    #[inline]
    pub(crate) fn borrow(&self) -> RefMut<'_, T> {
        self.cell().borrow_mut()
    }

    /// The cell of the value, for a thread that uses it often.
    ///
    /// # Panics
    ///
    /// If another thread made it.
    pub(crate) fn cell(&self) -> &RefCell<T> {
        self.0.get().expect("a value that this thread made")
    }

    /// The value; `None` if another thread made it.
    ///
    /// # Panics
    ///
    /// If it is in use.
    #[inline]
    pub(crate) fn get(&self) -> Option<RefMut<'_, T>> {
        self.0.get().map(RefCell::borrow_mut)
    }
}

impl<T: Send + Default> Default for OneThread<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Send> fmt::Debug for OneThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneThread").finish_non_exhaustive()
    }
}

/// A lock that costs no atomic operations if one thread alone uses it.
#[expect(clippy::large_enum_variant, reason = "locks are few and do not move")]
#[derive(Debug)]
pub(crate) enum Lock<T: Send> {
    /// Any thread may lock it.
    Shared(Mutex<T>),
    /// Only the thread that made it may lock it.
    OneThread(OneThread<T>),
}

/// Access to the value in a [`Lock`].
#[derive(Debug)]
pub(crate) enum LockGuard<'a, T> {
    /// To a shared one.
    Shared(MutexGuard<'a, T>),
    /// To one thread's own.
    OneThread(RefMut<'a, T>),
}

impl<T: Send> Lock<T> {
    /// A lock around `value`: if `one_thread`, for the calling thread alone.
    pub(crate) fn new(one_thread: bool, value: T) -> Self {
        if one_thread { Self::OneThread(OneThread::new(value)) } else { Self::Shared(Mutex::new(value)) }
    }

    /// Waits for the lock.
    ///
    /// # Panics
    ///
    /// If another thread alone may use it, or if this thread has locked it.
    #[inline]
    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        match self {
            Self::Shared(mutex) => LockGuard::Shared(mutex.lock()),
            Self::OneThread(value) => LockGuard::OneThread(value.borrow()),
        }
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Self::Shared(guard) => guard,
            Self::OneThread(guard) => guard,
        }
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Shared(guard) => guard,
            Self::OneThread(guard) => guard,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn only_the_thread_that_made_a_value_has_it() {
        let value = OneThread::new(1);
        *value.borrow() += 1;
        thread::scope(|scope| {
            let elsewhere = scope.spawn(|| value.get().is_none());
            assert!(elsewhere.join().unwrap());
        });
        assert_eq!(*value.borrow(), 2);
    }

    #[test]
    fn a_shared_lock_serves_any_thread_and_the_other_kind_its_own() {
        let (shared, own) = (Lock::Shared(Mutex::new(1)), Lock::OneThread(OneThread::new(1)));
        thread::scope(|scope| {
            scope.spawn(|| *shared.lock() += 1);
        });
        *own.lock() += 1;
        assert_eq!((*shared.lock(), *own.lock()), (2, 2));
    }
}
