//! What a connection's congestion controller and its writers report.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use quinn::Connection;
use web_time::Instant;

use crate::{
    path::Host,
    transport::LimitedBy,
    unit::{Mutex, nanos},
};

/// Measurements of a congestion controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measurements {
    pub(super) congestion_events: u64,
    pub(super) min_window_bytes: Option<u64>,
    pub(super) limited: Duration,
    /// How long nothing could be sent while a write or the opening of a stream waited, by cause.
    pub(super) limits: LimitedBy,
    /// How long nothing could be sent while a write waited, not yet attributed to credit or to the buffer.
    starved: Duration,
    /// The count of [`blocked_frames`] when `starved` was last attributed.
    blocked_frames: u64,
}

impl Measurements {
    /// Attributes `starved`: to credit if this end has sent a blocked frame since (RFC 9000 section 4.1), else to the
    /// buffer.
    fn settle(&mut self, blocked_frames: u64) {
        let is_credit = blocked_frames > self.blocked_frames;
        let cause = if is_credit { &mut self.limits.credit } else { &mut self.limits.buffer };
        *cause += std::mem::take(&mut self.starved);
        self.blocked_frames = blocked_frames;
    }
}

/// Reads a connection's controller while quinn owns it.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    host: Arc<dyn Host>,
    measurements: Mutex<Measurements>,
    acknowledged: AtomicU64,
    /// Writes that wait for credit or for room in the buffer.
    writes: AtomicU32,
    /// Streams that wait to be opened.
    openings: AtomicU32,
    /// When acknowledgements last left nothing to send while a write or an opening waited, in nanoseconds of the host's
    /// clock. [`NEVER`] if the latest left something to send.
    idle_since: AtomicU64,
    /// When idle time ends: a round trip later, because packets in flight may be lost. [`NEVER`] if none is in flight.
    idle_until: AtomicU64,
    /// Until when waiting has been counted, in nanoseconds of the host's clock.
    counted_until: AtomicU64,
}

const NEVER: u64 = u64::MAX;

/// Adds one to a count while it lives.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `future`, and counts it in `count` while it waits. Also returns whether it waited.
async fn counted<F: Future>(count: &AtomicU32, mut future: Pin<&mut F>) -> (F::Output, bool) {
    let mut waiting = None;
    let output = poll_fn(|cx| {
        let poll = future.as_mut().poll(cx);
        if poll.is_pending() {
            waiting.get_or_insert_with(|| Waiting::new(count));
        }
        poll
    });
    (output.await, waiting.is_some())
}

/// How many frames this end has sent to report that credit was used up.
fn blocked_frames(connection: &Connection) -> u64 {
    let frames = connection.stats().frame_tx;
    frames.data_blocked + frames.stream_data_blocked
}

impl Meter {
    /// A meter for a connection of `host`.
    pub(super) fn new(host: &Arc<dyn Host>) -> Self {
        Self(Arc::new(Shared {
            host: host.clone(),
            measurements: Mutex::default(),
            acknowledged: AtomicU64::new(0),
            writes: AtomicU32::new(0),
            openings: AtomicU32::new(0),
            idle_since: AtomicU64::new(NEVER),
            idle_until: AtomicU64::new(NEVER),
            counted_until: AtomicU64::new(0),
        }))
    }

    /// A meter for another connection of the same host.
    pub(super) fn another(&self) -> Self {
        Self::new(&self.0.host)
    }

    /// The measurements of `connection` so far.
    pub(super) fn read(&self, connection: &Connection) -> Measurements {
        let blocked_frames = blocked_frames(connection);
        let mut measured = *self.measurements();
        self.note_idle(&mut measured, self.idle());
        measured.settle(blocked_frames);
        measured
    }

    /// Runs a write on `connection`, and counts the time that it waits. The caller pins it, because moving a large
    /// future costs more than most writes.
    pub(crate) async fn writing<F: Future>(&self, connection: &Connection, write: Pin<&mut F>) -> F::Output {
        let (written, waited) = counted(&self.0.writes, write).await;
        if waited {
            let blocked_frames = blocked_frames(connection);
            let mut measured = self.measurements();
            measured.starved += self.count_idle();
            measured.settle(blocked_frames);
        }
        written
    }

    /// Opens a stream, and counts the time that it waits.
    pub(crate) async fn opening<F: Future>(&self, open: Pin<&mut F>) -> F::Output {
        let (opened, waited) = counted(&self.0.openings, open).await;
        if waited {
            self.measurements().limits.streams += self.count_idle();
        }
        opened
    }

    /// Bytes that the peer has acknowledged, without what may be headers in their packets.
    pub(super) fn acknowledged(&self) -> u64 {
        self.0.acknowledged.load(Ordering::Relaxed)
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.0.writes.load(Ordering::Relaxed) > 0 || self.0.openings.load(Ordering::Relaxed) > 0
    }

    /// How long nothing could be sent for a reason other than congestion control, without what is already counted.
    fn idle(&self) -> Duration {
        let Shared { host, idle_since, idle_until, counted_until, .. } = &*self.0;
        let since = idle_since.load(Ordering::Relaxed).max(counted_until.load(Ordering::Relaxed));
        let until = host.now().as_nanos().min(idle_until.load(Ordering::Relaxed));
        Duration::from_nanos(until.saturating_sub(since))
    }

    /// Returns [`Self::idle`] and marks it as counted. A frame that raises a limit can end a wait without an
    /// acknowledgement.
    fn count_idle(&self) -> Duration {
        let idle = self.idle();
        self.0.counted_until.store(self.0.host.now().as_nanos(), Ordering::Relaxed);
        idle
    }

    /// Adds time during which nothing could be sent for a reason other than congestion control.
    fn note_idle(&self, measured: &mut Measurements, idle: Duration) {
        let waits = |count: &AtomicU32| count.load(Ordering::Relaxed) > 0;
        measured.starved += if waits(&self.0.writes) { idle } else { Duration::ZERO };
        measured.limits.streams += if waits(&self.0.openings) { idle } else { Duration::ZERO };
    }

    /// An instant in nanoseconds of the host's clock.
    fn since_origin(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.0.host.origin()))
    }

    /// Counts bytes that the peer has acknowledged.
    pub(super) fn note_acknowledged(&self, bytes: u64) {
        self.0.acknowledged.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds the time from `last_acks` to `now`, if not yet counted: nothing could be sent, and not because of
    /// congestion control.
    pub(super) fn note_idle_since(&self, last_acks: Instant, now: Instant) {
        let counted = self.0.counted_until.load(Ordering::Relaxed);
        let since = self.since_origin(last_acks).max(counted);
        let idle = Duration::from_nanos(self.since_origin(now).saturating_sub(since));
        self.note_idle(&mut self.measurements(), idle);
    }

    /// Notes that something can be sent, or that congestion control forbids it.
    pub(super) fn end_idle(&self) {
        self.0.idle_since.store(NEVER, Ordering::Relaxed);
    }

    /// Notes that acknowledgements at `now` left nothing to send while something waits.
    pub(super) fn begin_idle(&self, now: Instant, in_flight: u64, rtt: Duration) {
        let until = if in_flight == 0 { NEVER } else { self.since_origin(now + rtt) };
        self.0.idle_since.store(self.since_origin(now), Ordering::Relaxed);
        self.0.idle_until.store(until, Ordering::Relaxed);
    }

    pub(super) fn measurements(&self) -> MutexGuard<'_, Measurements> {
        self.0.measurements.lock()
    }
}
