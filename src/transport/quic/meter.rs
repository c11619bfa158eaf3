//! quinn's congestion controllers, each with a meter around it.

use std::{
    any::Any,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quinn::congestion::{BbrConfig, Controller, ControllerFactory, CubicConfig, NewRenoConfig};

use crate::transport::Congestion;

/// Measurements of a congestion controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measurements {
    pub(super) congestion_events: u64,
    pub(super) min_window_bytes: Option<u64>,
    pub(super) limited: Duration,
    /// How long nothing could be sent, although a write waited for credit or for room in the buffer.
    pub(super) starved: Duration,
    /// The same while a stream waited to be opened.
    pub(super) streams: Duration,
}

/// Reads a connection's controller while quinn owns it.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    measurements: Mutex<Measurements>,
    acknowledged: AtomicU64,
    /// Writes that wait for credit or for room in the buffer.
    writes: AtomicU32,
    /// Streams that wait to be opened.
    openings: AtomicU32,
}

/// Counts something that waits.
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

/// Runs `future`, and counts it while it waits.
async fn counted<F: Future>(count: &AtomicU32, mut future: Pin<&mut F>) -> F::Output {
    let mut waiting = None;
    poll_fn(|cx| {
        let poll = future.as_mut().poll(cx);
        if poll.is_pending() {
            waiting.get_or_insert_with(|| Waiting::new(count));
        }
        poll
    })
    .await
}

impl Meter {
    pub(super) fn read(&self) -> Measurements {
        *self.0.measurements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets how long limits of the two ends kept data from being sent.
    pub(crate) fn forget_limits(&self) {
        self.update(|measurements| {
            (measurements.starved, measurements.streams) = (Duration::ZERO, Duration::ZERO);
        });
    }

    /// Runs a write, and notes that it waits where it has to. It is pinned by the caller, because moving a large future
    /// costs more than most writes.
    pub(crate) async fn writing<F: Future>(&self, write: Pin<&mut F>) -> F::Output {
        counted(&self.0.writes, write).await
    }

    /// Opens a stream, and notes that it waits where it has to.
    pub(crate) async fn opening<F: Future>(&self, open: Pin<&mut F>) -> F::Output {
        counted(&self.0.openings, open).await
    }

    /// Bytes that the peer has acknowledged, without what may be headers in their packets.
    pub(super) fn acknowledged(&self) -> u64 {
        self.0.acknowledged.load(Ordering::Relaxed)
    }

    fn update(&self, change: impl FnOnce(&mut Measurements)) {
        change(&mut self.0.measurements.lock().unwrap_or_else(PoisonError::into_inner));
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
            round_trip: Duration::ZERO,
            shortest: Duration::ZERO,
        })
    }
}

/// What a packet spends at most besides the bytes of one stream: the header with an 8-byte connection id and a 4-byte packet
/// number, the tag, and the frame's type, stream id and offset (RFC 9000 sections 17.3 and 19.8).
const PACKET_OVERHEAD: u64 = 1 + 8 + 4 + 16 + 1 + 8 + 8;

/// A constant window.
#[derive(Clone)]
struct Fixed(u64);

impl Controller for Fixed {
    fn on_congestion_event(&mut self, _: Instant, _: Instant, _: bool, _: u64) {}
    fn on_mtu_update(&mut self, _: u16) {}
    fn window(&self) -> u64 {
        self.0
    }
    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
    fn initial_window(&self) -> u64 {
        self.0
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

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
    /// The round trip as it is estimated now, and the shortest.
    round_trip: Duration,
    shortest: Duration,
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
            self.meter.update(|measurements| measurements.limited += now.saturating_duration_since(since));
        }
    }

    /// Records that nothing could be sent since the last acknowledgements, for another reason than congestion control.
    fn note_idle(&mut self, now: Instant) {
        let shared = &self.meter.0;
        let waits = |count: &AtomicU32| count.load(Ordering::Relaxed) > 0;
        let (writes, openings) = (waits(&shared.writes), waits(&shared.openings));
        let idle = now.saturating_duration_since(self.last_acks);
        if (writes || openings) && !self.is_queuing() {
            self.meter.update(|measurements| {
                measurements.starved += if writes { idle } else { Duration::ZERO };
                measurements.streams += if openings { idle } else { Duration::ZERO };
            });
        }
    }

    /// Whether round trips are a quarter longer than the shortest: more under way would only make a queue longer.
    fn is_queuing(&self) -> bool {
        self.round_trip > self.shortest * 5 / 4
    }

    fn note_window(&self) {
        let window = self.inner.window();
        self.meter.update(|measurements| {
            measurements.min_window_bytes =
                Some(measurements.min_window_bytes.map_or(window, |least| least.min(window)));
        });
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
        (self.round_trip, self.shortest) = (rtt.get(), rtt.min());
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
        if app_limited {
            self.note_idle(now);
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
            self.meter.update(|measurements| measurements.congestion_events += 1);
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
            round_trip: self.round_trip,
            shortest: self.shortest,
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self.inner.into_any()
    }
}
