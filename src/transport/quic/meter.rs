//! quinn's congestion controllers, each with a meter around it.

use std::{
    any::Any,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quinn::{
    Connection,
    congestion::{BbrConfig, Controller, ControllerFactory, CubicConfig, NewRenoConfig},
};

use super::fixed::Fixed;
use crate::{
    path::Host,
    transport::{Congestion, LimitedBy},
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
pub struct Meter(Arc<Shared>);

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

    fn has_waiting(&self) -> bool {
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

    /// Notes that acknowledgements at `now` left nothing to send while something waits.
    fn idle_from(&self, now: Instant, in_flight: u64, rtt: Duration) {
        let until = if in_flight == 0 { NEVER } else { self.since_origin(now + rtt) };
        self.0.idle_since.store(self.since_origin(now), Ordering::Relaxed);
        self.0.idle_until.store(until, Ordering::Relaxed);
    }

    fn measurements(&self) -> MutexGuard<'_, Measurements> {
        self.0.measurements.lock()
    }
}

/// Builds metered controllers that all report to one meter.
pub(super) struct MeteredFactory {
    pub(super) congestion: Congestion,
    pub(super) meter: Meter,
}

impl ControllerFactory for MeteredFactory {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        let inner = match self.congestion {
            Congestion::Cubic => Arc::new(CubicConfig::default()).build(now, mtu),
            Congestion::NewReno => Arc::new(NewRenoConfig::default()).build(now, mtu),
            Congestion::Bbr => Arc::new(BbrConfig::default()).build(now, mtu),
            Congestion::Fixed(window) => Box::new(Fixed(window)),
        };
        Box::new(Metered {
            inner,
            meter: self.meter.clone(),
            mtu,
            in_flight: 0,
            full_since: None,
            last_acks: now,
            rtt: Duration::ZERO,
            min_rtt: Duration::ZERO,
        })
    }
}

/// What a packet spends at most besides the bytes of one stream: the header with an 8-byte connection id and a 4-byte packet
/// number, the tag, and the frame's type, stream id and offset (RFC 9000 sections 17.3 and 19.8).
const PACKET_OVERHEAD: u64 = 1 + 8 + 4 + 16 + 1 + 8 + 8;

/// Delegates to a controller and measures its window.
struct Metered {
    inner: Box<dyn Controller>,
    meter: Meter,
    mtu: u16,
    in_flight: u64,
    /// When the window became too full for one more packet.
    full_since: Option<Instant>,
    /// When acknowledgements came before.
    last_acks: Instant,
    /// The smoothed RTT. `min_rtt` is the shortest RTT.
    rtt: Duration,
    min_rtt: Duration,
}

impl Metered {
    fn is_full(&self) -> bool {
        self.in_flight + u64::from(self.mtu) > self.inner.window()
    }

    /// Records that the window is full, or for how long it was. A full window does not limit an application that has nothing
    /// more to send.
    fn note(&mut self, now: Instant, app_limited: bool) {
        if self.is_full() {
            self.full_since.get_or_insert(now);
        } else if let Some(since) = self.full_since.take()
            && !app_limited
        {
            self.meter.measurements().limited += now.saturating_duration_since(since);
        }
    }

    /// Adds the time since the last acknowledgements, if not yet counted: nothing could be sent, and not because of
    /// congestion control.
    fn note_idle(&self, now: Instant) {
        let counted = self.meter.0.counted_until.load(Ordering::Relaxed);
        let since = self.meter.since_origin(self.last_acks).max(counted);
        let idle = Duration::from_nanos(self.meter.since_origin(now).saturating_sub(since));
        self.meter.note_idle(&mut self.meter.measurements(), idle);
    }

    /// Whether the smoothed RTT is over a quarter above the shortest: more bytes in flight would only fill a queue.
    fn is_queuing(&self) -> bool {
        self.rtt > self.min_rtt * 5 / 4
    }

    fn note_window(&self) {
        let window = self.inner.window();
        let mut measured = self.meter.measurements();
        measured.min_window_bytes = Some(measured.min_window_bytes.map_or(window, |least| least.min(window)));
    }
}

impl Controller for Metered {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
        self.in_flight += bytes;
        if self.is_full() {
            self.full_since.get_or_insert(now);
        }
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &quinn_proto::RttEstimator,
    ) {
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
        (self.rtt, self.min_rtt) = (rtt.get(), rtt.min());
        self.meter.0.acknowledged.fetch_add(bytes.saturating_sub(PACKET_OVERHEAD), Ordering::Relaxed);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.inner.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
        self.in_flight = in_flight;
        self.note(now, app_limited);
        if app_limited && self.meter.has_waiting() && !self.is_queuing() {
            self.note_idle(now);
            self.meter.idle_from(now, in_flight, self.rtt);
        } else {
            self.meter.0.idle_since.store(NEVER, Ordering::Relaxed);
        }
        self.last_acks = now;
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        let before = self.inner.window();
        self.inner.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
        self.in_flight = self.in_flight.saturating_sub(lost_bytes);
        if self.inner.window() < before {
            self.meter.measurements().congestion_events += 1;
        }
        self.note_window();
        if self.is_full() {
            self.full_since.get_or_insert(now);
        }
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu;
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.inner.window()
    }

    fn metrics(&self) -> quinn::congestion::ControllerMetrics {
        self.inner.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            meter: self.meter.clone(),
            mtu: self.mtu,
            in_flight: self.in_flight,
            full_since: self.full_since,
            last_acks: self.last_acks,
            rtt: self.rtt,
            min_rtt: self.min_rtt,
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self.inner.into_any()
    }
}
