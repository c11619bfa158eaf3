//! Windows and stream limits that grow as they fill, as the kernel's TCP grows its buffers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quinn::{Connection, VarInt};

use super::settings::QuicLimits;
use crate::{path::Host, unit::Time};

/// How often a busy connection is looked at, in round trips, …
const LOOKS: u32 = 4;
/// … and at most.
const SHORTEST: Duration = Duration::from_millis(2);
/// A busy connection is looked at this often at least, …
const LONGEST: Duration = Duration::from_millis(25);
/// … and an idle one this often.
const IDLE: Duration = Duration::from_millis(100);
/// Memory for a stream that the peer may open: quinn's state and the task that answers it.
const STREAM_BYTES: u64 = 2 << 10;

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

/// The windows of one connection.
pub struct Windows {
    connection: Connection,
    send: Window,
    receive: Window,
    streams: Window,
    memory: WindowMemory,
    /// Bytes of the memory that these windows take.
    taken: u64,
}

impl Windows {
    /// Windows of `connection` that begin at `limits` and grow within `memory`.
    pub fn new(connection: &Connection, limits: &QuicLimits, memory: &WindowMemory) -> Self {
        let QuicLimits { max_window, max_streams, .. } = *limits;
        Self {
            connection: connection.clone(),
            send: Window::new(limits.send_buffer, max_window),
            receive: Window::new(limits.receive_window, max_window),
            streams: Window::new(limits.streams.into(), max_streams.into()),
            memory: memory.clone(),
            taken: 0,
        }
    }

    /// Grows them as long as the connection lasts. `opened` counts the streams that the peer has opened.
    pub async fn grow(mut self, host: &dyn Host, opened: impl Fn() -> u64) {
        let mut pause = SHORTEST;
        let mut seen = 0;
        while self.connection.close_reason().is_none() {
            let (received, rtt) = self.look(host.now(), opened());
            pause =
                if received > seen { (rtt / LOOKS).clamp(SHORTEST, LONGEST) } else { (pause * 2).min(IDLE) };
            seen = received;
            tokio::select! {
                biased;
                _ = self.connection.closed() => return,
                () = host.sleep(pause) => {}
            }
        }
    }

    /// Returns the bytes received and the round trip.
    fn look(&mut self, now: Time, opened: u64) -> (u64, Duration) {
        let stats = self.connection.stats();
        let (received, rtt) = (stats.udp_rx.bytes, stats.path.rtt);
        // The congestion window has to fit twice: what is under way, and what follows as it is acknowledged.
        let wanted = stats.path.cwnd.saturating_mul(2);
        let before = self.send.size;
        while self.send.size < wanted && self.send.may_grow() && self.reserve(self.send.size) {
            self.send.size = self.send.doubled();
        }
        if self.send.size > before {
            self.connection.set_send_window(self.send.size);
        }
        // Half of the window within a round trip: more is under way than the window holds for long.
        if self.receive.is_filling(now, rtt, received.saturating_mul(2)) && self.reserve(self.receive.size) {
            self.receive.size = self.receive.doubled();
            self.connection.set_receive_window(var_int(self.receive.size));
        }
        // A stream is open for two round trips, one for the request and one until its reply is acknowledged.
        if self.streams.is_filling(now, rtt, opened.saturating_mul(4))
            && self.reserve(self.streams.size.saturating_mul(STREAM_BYTES))
        {
            self.streams.size = self.streams.doubled();
            self.connection.set_max_concurrent_bi_streams(var_int(self.streams.size));
            self.connection.set_max_concurrent_uni_streams(var_int(self.streams.size));
        }
        (received, rtt)
    }

    fn reserve(&mut self, bytes: u64) -> bool {
        let reserved = self.memory.take(bytes);
        if reserved {
            self.taken += bytes;
        }
        reserved
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        self.memory.give_back(self.taken);
    }
}

fn var_int(n: u64) -> VarInt {
    VarInt::from_u64(n).unwrap_or(VarInt::MAX)
}

/// A window, and how fast it fills.
#[derive(Debug)]
struct Window {
    size: u64,
    most: u64,
    /// When the count was this.
    mark: (Time, u64),
}

impl Window {
    fn new(size: u64, most: u64) -> Self {
        Self { size, most, mark: (Time::ZERO, 0) }
    }

    fn may_grow(&self) -> bool {
        self.size < self.most
    }

    fn doubled(&self) -> u64 {
        self.size.saturating_mul(2).min(self.most)
    }

    /// Whether `count` has grown by the window within a round trip. If more than one has passed since the last look, this
    /// is their average: on a short path every window would be passed between two looks.
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
        assert!(memory.take(6) && !memory.take(6) && memory.take(4));
    }
}
