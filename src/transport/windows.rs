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

/// Looks at a busy connection per round trip.
const LOOKS: u32 = 4;
/// The shortest pause between two looks.
const SHORTEST: Duration = Duration::from_millis(2);
/// The longest pause while the connection is busy.
const LONGEST: Duration = Duration::from_millis(25);
/// The longest pause while it is idle.
const IDLE: Duration = Duration::from_millis(100);

/// Memory that connections share, for windows, streams and bytes out of order beyond their initial limits.
#[derive(Debug, Clone)]
pub struct WindowMemory(Arc<AtomicU64>);

impl Default for WindowMemory {
    /// No limit.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl WindowMemory {
    /// A limit of `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Takes `bytes` if as many are left. Returns whether it did.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let left = |left: u64| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    /// Gives back `bytes` that were taken.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The part of a [`WindowMemory`] that one connection has taken. Dropping it gives the bytes back.
#[derive(Debug)]
pub(super) struct Share {
    memory: WindowMemory,
    taken: u64,
}

impl Share {
    pub(super) fn new(memory: &WindowMemory) -> Self {
        Self { memory: memory.clone(), taken: 0 }
    }

    /// Takes `bytes` if as many are left. Returns whether it did.
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

/// Calls `look` regularly, more often while the connection is busy. `look` returns how much has been received, in any
/// unit, and the round-trip time.
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
    /// The largest size.
    most: u64,
    /// A time, and the count at that time.
    mark: (Time, u64),
}

impl Window {
    pub(super) fn new(size: u64, most: u64) -> Self {
        Self { size, most, mark: (Time::ZERO, 0) }
    }

    /// Doubles the window until it holds `wanted` bytes, while `memory` lasts. Returns whether it has grown.
    pub(super) fn grow_to(&mut self, wanted: u64, memory: &mut Share) -> bool {
        let before = self.size;
        while self.size < wanted && self.may_grow() && memory.take(self.size) {
            self.size = self.doubled();
        }
        self.size > before
    }

    /// Doubles the window if `count` has grown by it within a round trip, and if `memory` has `unit` bytes for each
    /// unit of the window. Returns whether it has grown.
    pub(super) fn grow_if_filling(
        &mut self,
        now: Time,
        rtt: Duration,
        count: u64,
        unit: u64,
        memory: &mut Share,
    ) -> bool {
        let grows = self.is_filling(now, rtt, count) && memory.take(self.size.saturating_mul(unit));
        if grows {
            self.size = self.doubled();
        }
        grows
    }

    fn may_grow(&self) -> bool {
        self.size < self.most
    }

    fn doubled(&self) -> u64 {
        self.size.saturating_mul(2).min(self.most)
    }

    /// Whether `count` has grown by the window within a round trip. If several round trips have passed since the last
    /// look, their average counts: on a short path, more than any window arrives between two looks.
    fn is_filling(&mut self, now: Time, rtt: Duration, count: u64) -> bool {
        let (since, before) = self.mark;
        let elapsed = now - since;
        let per_round_trip = u128::from(count - before) * rtt.as_nanos() / elapsed.max(rtt).as_nanos().max(1);
        let fills = per_round_trip >= self.size.into();
        if fills || elapsed >= rtt {
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
    fn a_window_does_not_grow_by_what_many_round_trips_bring() {
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        let rtt = Duration::from_millis(1);
        let mut window = Window::new(1000, 3000);
        assert!(!window.is_filling(at(25), rtt, 20_000), "800 a round trip");
        assert!(window.is_filling(at(50), rtt, 50_000), "1200 a round trip");
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
