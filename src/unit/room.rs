//! Room to read into, which the tasks of a thread use in turn.

use std::{
    cell::RefCell,
    fmt,
    ops::{Deref, DerefMut},
};

/// Rooms that a thread keeps while nobody uses them. More are in use only if readers hold data that they have not
/// passed on.
const KEPT: usize = 8;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of arbitrary contents, for the time in which it is needed. A buffer for each reader would cost more memory
/// than thousands of idle connections do.
pub(crate) struct Room(Box<[u8]>);

impl Room {
    /// A buffer of `bytes` bytes: one that is free on this thread, or a new one.
    pub(crate) fn of(bytes: usize) -> Self {
        let free = FREE.with_borrow_mut(|free| {
            let index = free.iter().position(|free| free.len() == bytes)?;
            Some(free.swap_remove(index))
        });
        Self(free.unwrap_or_else(|| vec![0; bytes].into_boxed_slice()))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.0);
        // Fails only if the thread is ending.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() == KEPT {
                // The one that has not been used for the longest time.
                free.remove(0);
            }
            free.push(room);
        });
    }
}

impl Deref for Room {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Room {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("bytes", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_that_take_turns_use_the_same_memory() {
        let [small, large] = [100, 1000].map(|bytes| {
            let room = Room::of(bytes);
            (room.as_ptr(), room.len())
        });
        for _ in 0..3 {
            let rooms = [100, 1000].map(Room::of);
            assert_eq!(rooms.each_ref().map(|room| (room.as_ptr(), room.len())), [small, large]);
        }
    }

    #[test]
    fn readers_at_the_same_time_have_memory_of_their_own() {
        let rooms = [(); KEPT + 2].map(|()| Room::of(10));
        let mut starts = rooms.each_ref().map(|room| room.as_ptr());
        starts.sort();
        assert!(starts.windows(2).all(|pair| pair[0] != pair[1]));
        drop(rooms);
        assert_eq!(FREE.with_borrow(Vec::len), KEPT);
    }
}
