//! quinn's congestion controllers, each with a meter around it.

use std::{any::Any, sync::Arc, time::Duration};

use quinn::congestion::{BbrConfig, Controller, ControllerFactory, CubicConfig, NewRenoConfig};
use web_time::Instant;

use super::{
    fixed::Fixed,
    meter::Meter,
    recorder::{Recorder, Recorders, Window},
};
use crate::transport::Congestion;

/// Builds metered controllers that all report to one meter.
pub(super) struct MeteredFactory {
    pub(super) congestion: Congestion,
    pub(super) meter: Meter,
    pub(super) recorders: Option<Arc<Recorders>>,
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
            recorder: self.recorders.as_ref().and_then(|recorders| recorders.take_latest()),
            mtu,
            in_flight: 0,
            full_since: None,
            last_acks: now,
            rtt: Duration::ZERO,
            min_rtt: Duration::ZERO,
        })
    }
}

/// The largest number of bytes in a packet besides the data of one stream: the header with an 8-byte connection ID and
/// a 4-byte packet number, the tag, and the frame's type, stream ID and offset (RFC 9000 sections 17.3 and 19.8).
const PACKET_OVERHEAD: u64 = 1 + 8 + 4 + 16 + 1 + 8 + 8;

/// Delegates to a controller and measures its window.
struct Metered {
    inner: Box<dyn Controller>,
    meter: Meter,
    recorder: Option<Recorder>,
    mtu: u16,
    in_flight: u64,
    /// When the window became too full for one more packet.
    full_since: Option<Instant>,
    /// When acknowledgements last arrived.
    last_acks: Instant,
    /// The smoothed RTT.
    rtt: Duration,
    /// The shortest RTT.
    min_rtt: Duration,
}

impl Metered {
    fn is_full(&self) -> bool {
        self.in_flight + u64::from(self.mtu) > self.inner.window()
    }

    /// Updates how long the window was full. A full window does not limit an application that has nothing more to send.
    fn note(&mut self, now: Instant, app_limited: bool) {
        if self.is_full() {
            self.full_since.get_or_insert(now);
        } else if let Some(since) = self.full_since.take()
            && !app_limited
        {
            self.meter.measurements().limited += now.saturating_duration_since(since);
        }
    }

    /// Whether the smoothed RTT is over a quarter above the shortest: more bytes in flight would only fill a queue.
    fn is_queuing(&self) -> bool {
        self.rtt > self.min_rtt * 5 / 4
    }

    /// The recorder of the connection, and what it is shown of the window.
    fn recorded(&self) -> Option<(&Recorder, Window)> {
        let recorder = self.recorder.as_ref()?;
        Some((recorder, Window { bytes: self.inner.window(), ssthresh: self.inner.metrics().ssthresh }))
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
        if let Some((recorder, window)) = self.recorded() {
            recorder.transmitted(now, bytes, window);
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
        self.meter.note_acknowledged(bytes.saturating_sub(PACKET_OVERHEAD));
        if let Some(recorder) = &self.recorder {
            recorder.acknowledged(sent);
        }
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
            self.meter.note_idle_since(self.last_acks, now);
            self.meter.begin_idle(now, in_flight, self.rtt);
        } else {
            self.meter.end_idle();
        }
        self.last_acks = now;
        if let Some((recorder, window)) = self.recorded() {
            recorder.acks_processed(now, window);
        }
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
        if let Some((recorder, window)) = self.recorded() {
            recorder.congestion(now, lost_bytes, window);
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
            recorder: self.recorder.clone(),
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
