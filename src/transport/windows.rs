//! Windows that grow as they fill, as the kernel's TCP grows its buffers.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{path::Host, unit::Time};

/// How often a busy connection is looked at, in round trips, …
const LOOKS: u32 = 4;
/// … and at most.
const SHORTEST: Duration = Duration::from_millis(2);
/// A busy connection is looked at this often at least, …
const LONGEST: Duration = Duration::from_millis(25);
/// … and an idle one this often.
const IDLE: Duration = Duration::from_millis(100);
/// Memory that many connections may take for windows, streams and bytes out of order, beyond what each has at first.
#[derive(Debug, Clone)]
pub struct WindowMemory(Arc<AtomicU64>);

impl Default for WindowMemory {
    /// As much as there is.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl WindowMemory {
    /// This many bytes.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Takes this many of them, if they are left.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let left = |left: u64| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What one connection has taken of the memory. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: WindowMemory,
    taken: u64,
}

impl Share {
    pub(super) fn new(memory: &WindowMemory) -> Self {
        Self { memory: memory.clone(), taken: 0 }
    }

    /// Takes this many bytes, if they are left.
    pub(super) fn take(&mut self, bytes: u64) -> bool {
        let taken = self.memory.take(bytes);
        if taken {
            self.taken += bytes;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.give_back(self.taken);
    }
}

/// Calls `look` again and again, as often as the connection is busy. `look` returns how much has been received, in any
/// unit, and the round trip.
pub(super) async fn look_regularly(
    host: &dyn Host,
    mut look: impl FnMut(Time) -> (u64, Duration),
) -> Infallible {
    let mut pause = SHORTEST;
    let mut seen = 0;
    loop {
        let (received, rtt) = look(host.now());
        pause = if received > seen { (rtt / LOOKS).clamp(SHORTEST, LONGEST) } else { (pause * 2).min(IDLE) };
        seen = received;
        host.sleep(pause).await;
    }
}

/// A window, and how fast it fills.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) size: u64,
    most: u64,
    /// When the count was this.
    mark: (Time, u64),
}

impl Window {
    pub(super) fn new(size: u64, most: u64) -> Self {
        Self { size, most, mark: (Time::ZERO, 0) }
    }

    pub(super) fn may_grow(&self) -> bool {
        self.size < self.most
    }

    pub(super) fn doubled(&self) -> u64 {
        self.size.saturating_mul(2).min(self.most)
    }

    /// Whether `count` has grown by the window within a round trip.
    pub(super) fn is_filling(&mut self, now: Time, rtt: Duration, count: u64) -> bool {
        let (since, before) = self.mark;
        let fills = count - before >= self.size;
        if fills || now - since >= rtt {
            self.mark = (now, count);
        }
        fills && self.may_grow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grows_if_it_fills_within_a_round_trip() {
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        let rtt = Duration::from_millis(100);
        let mut window = Window::new(1000, 3000);
        assert!(!window.is_filling(at(100), rtt, 500), "half");
        assert!(!window.is_filling(at(150), rtt, 1400), "less than the window since 100 ms");
        assert!(window.is_filling(at(190), rtt, 1500));
        window.size = window.doubled();
        assert_eq!(window.doubled(), 3000, "the bound");
        assert!(!window.is_filling(at(400), rtt, 3000), "less than the larger window, and slowly");
        window.size = 3000;
        assert!(!window.is_filling(at(410), rtt, 9000), "no larger than the bound");
    }

    #[test]
    fn windows_share_memory() {
        let memory = WindowMemory::new(10);
        let (mut one, mut other) = (Share::new(&memory), Share::new(&memory));
        assert!(one.take(6) && !other.take(6) && other.take(4));
        drop(one);
        assert!(other.take(6));
    }
}
