//! quinn's congestion controllers, each with a meter around it.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
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
}

/// Reads a connection's controller while quinn owns it.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<Mutex<Measurements>>);

impl Meter {
    pub(super) fn read(&self) -> Measurements {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Measurements)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
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
        Box::new(Metered { inner, meter: self.meter.clone(), mtu, in_flight: 0, full_since: None })
    }
}

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
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self.inner.into_any()
    }
}
