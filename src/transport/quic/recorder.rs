//! Reports the packets, losses and recovery state of an endpoint's connections to its [tracers](QuicTracers).

use std::{
    fmt,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use quinn_proto::transport_parameters::TransportParameters;
use web_time::Instant;

use crate::{
    path::{Host, Side},
    trace::{
        CongestionState, LossDetector, Lost, Metrics, Outgoing, PacketType, QuicEvent, QuicPacket, QuicTrace,
        QuicTracers, Space, Thresholds,
    },
    unit::{Mutex, Time, nanos},
    wire::quic::{Frame, parameters},
};

/// Creates a recorder for each connection of an endpoint.
///
/// For a new connection, quinn creates the TLS session, the keys of Initial packets and the congestion controller, in
/// this order and without interruption. So the latest session and the next controller belong to the same connection.
pub(super) struct Recorders {
    side: Side,
    host: Arc<dyn Host>,
    tracers: QuicTracers,
    thresholds: Thresholds,
    latest: Mutex<Option<Recorder>>,
    /// The first packet of a server's next connection. It is decrypted before the session is created.
    first: Mutex<Option<OwnedPacket>>,
}

#[derive(Debug)]
struct OwnedPacket {
    number: u64,
    header: Vec<u8>,
    payload: Vec<u8>,
    bytes: u64,
}

impl Recorders {
    /// Returns `None` if there are no tracers.
    pub(super) fn new(
        side: Side,
        host: &Arc<dyn Host>,
        tracers: QuicTracers,
        thresholds: Thresholds,
    ) -> Option<Arc<Self>> {
        (!tracers.is_empty()).then(|| {
            Arc::new(Self {
                side,
                host: host.clone(),
                tracers,
                thresholds,
                latest: Mutex::default(),
                first: Mutex::default(),
            })
        })
    }

    /// Starts the recorder of a new session. `local` are the transport parameters of this end.
    pub(super) fn start(self: &Arc<Self>, local: &TransportParameters) -> Recorder {
        let state = State {
            traces: Vec::new(),
            has_begun: false,
            local_parameters: encoded(local),
            remote_is_known: false,
            loss: LossDetector::new(self.side, self.thresholds),
            lost: Vec::new(),
            received: Default::default(),
            metrics: Metrics::default(),
            congestion: None,
            recovery_since: None,
            host: self.host.clone(),
        };
        let recorder = Recorder { of: self.clone(), state: Arc::new(Mutex::new(state)) };
        *self.latest.lock() = Some(recorder.clone());
        recorder
    }

    /// Takes the recorder of the connection that is being created.
    pub(super) fn take_latest(&self) -> Option<Recorder> {
        self.latest.lock().take()
    }

    /// A server decrypted an Initial packet, which may start a connection.
    pub(super) fn opened_first(&self, number: u64, header: &[u8], payload: &[u8], bytes: u64) {
        let (header, payload) = (header.to_vec(), payload.to_vec());
        *self.first.lock() = Some(OwnedPacket { number, header, payload, bytes });
    }
}

fn encoded(parameters: &TransportParameters) -> Vec<u8> {
    let mut encoded = Vec::new();
    parameters.write(&mut encoded);
    encoded
}

/// Records one end of a connection.
#[derive(Clone)]
pub(super) struct Recorder {
    of: Arc<Recorders>,
    state: Arc<Mutex<State>>,
}

struct State {
    traces: Vec<Box<dyn QuicTrace>>,
    has_begun: bool,
    local_parameters: Vec<u8>,
    remote_is_known: bool,
    loss: LossDetector,
    /// Losses that are not reported yet.
    lost: Vec<Lost>,
    received: [Received; 3],
    metrics: Metrics,
    congestion: Option<CongestionState>,
    recovery_since: Option<Time>,
    host: Arc<dyn Host>,
}

impl Drop for State {
    /// quinn drops the connection.
    fn drop(&mut self) {
        let now = self.host.now();
        self.loss.end(now, &mut self.lost);
        self.report_losses();
        self.report(now, &QuicEvent::Closed);
    }
}

/// The window of a congestion controller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) bytes: u64,
    pub(super) ssthresh: Option<u64>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn now(&self) -> Time {
        self.of.host.now()
    }

    /// Converts an instant of quinn.
    fn at(&self, instant: Instant) -> Time {
        let since = instant.saturating_duration_since(self.of.host.origin());
        Time::from_nanos(nanos(since))
    }

    /// The keys of Initial packets are derived from `original_id`, the destination connection id of the client's first
    /// packet. After a Retry packet this happens a second time, without effect.
    pub(super) fn begin(&self, original_id: &[u8]) {
        let state = &mut *self.lock();
        if std::mem::replace(&mut state.has_begun, true) {
            return;
        }
        state.traces = self.of.tracers.trace(self.of.side, original_id);
        state.report(self.now(), &QuicEvent::Thresholds(self.of.thresholds));
        let local = std::mem::take(&mut state.local_parameters);
        state.report(self.now(), &QuicEvent::LocalParameters(&local));
        if let Some(OwnedPacket { number, header, payload, bytes }) = self.of.first.lock().take() {
            let packet_type = PacketType::Initial;
            let packet = QuicPacket { packet_type, number, bytes, header: &header, payload: &payload };
            state.received(self.of.side, self.now(), &packet, true);
        }
    }

    /// The peer's transport parameters arrived.
    pub(super) fn learn(&self, remote: &TransportParameters) {
        let state = &mut *self.lock();
        if std::mem::replace(&mut state.remote_is_known, true) {
            return;
        }
        let encoded = encoded(remote);
        let integer = |id: u64, default: u64| {
            parameters(&encoded)
                .find(|found| found.id == id)
                .and_then(|found| found.integer())
                .unwrap_or(default)
        };
        // RFC 9000 section 18.2.
        let exponent = u32::try_from(integer(0x0a, 3)).unwrap_or(u32::MAX);
        state.loss.peer_delays_acks(exponent, Duration::from_millis(integer(0x0b, 25)));
        state.report(self.now(), &QuicEvent::RemoteParameters(&encoded));
    }

    /// The handshake is complete.
    pub(super) fn establish(&self) {
        let state = &mut *self.lock();
        state.loss.establish();
        state.report(self.now(), &QuicEvent::Established);
    }

    /// The server sent a Retry packet.
    pub(super) fn retry(&self) {
        let state = &mut *self.lock();
        state.loss.forget(Space::Initial);
        state.loss.forget(Space::Data);
        state.report(self.now(), &QuicEvent::Retried);
    }

    /// The server rejected 0-RTT.
    pub(super) fn reject_early_data(&self) {
        let state = &mut *self.lock();
        state.loss.forget(Space::Data);
        state.report(self.now(), &QuicEvent::EarlyDataRejected);
    }

    /// A packet is about to be encrypted and sent.
    pub(super) fn sealed(&self, packet: &QuicPacket<'_>) {
        let now = self.now();
        let state = &mut *self.lock();
        let is_probe = state.loss.sent(now, &Outgoing::of(packet), &mut state.lost);
        state.report_losses();
        state.report(now, &QuicEvent::Sent { packet: *packet, is_probe });
    }

    /// The packet that was sealed last was encrypted to `ciphertext`.
    pub(super) fn encrypted(&self, ciphertext: &[u8]) {
        let now = self.now();
        self.lock().report(now, &QuicEvent::Encrypted(ciphertext));
    }

    /// A packet was decrypted. Unless it is `accepted`, its frames are ignored, as are those of a duplicate.
    pub(super) fn opened(&self, packet: &QuicPacket<'_>, accepted: bool) {
        let now = self.now();
        self.lock().received(self.of.side, now, packet, accepted);
    }

    /// quinn reports that it sent the packets that were sealed last, `bytes` in total, at `at`.
    pub(super) fn transmitted(&self, at: Instant, bytes: u64, window: Window) {
        let at = self.at(at);
        let state = &mut *self.lock();
        state.loss.transmitted(at, bytes);
        state.report_metrics(at, window);
    }

    /// A packet that was sent at `sent` was acknowledged.
    pub(super) fn acknowledged(&self, sent: Instant) {
        let sent = self.at(sent);
        let state = &mut *self.lock();
        if state.recovery_since.is_some_and(|since| sent > since) {
            state.recovery_since = None;
        }
    }

    /// quinn has processed acknowledgements, and detects losses.
    pub(super) fn acks_processed(&self, at: Instant, window: Window) {
        let at = self.at(at);
        let state = &mut *self.lock();
        state.loss.acks_processed(at, &mut state.lost);
        state.report_losses();
        state.report_metrics(at, window);
    }

    /// quinn reports a congestion event to the controller: packets of `lost_bytes` were lost, or packets were marked.
    pub(super) fn congestion(&self, at: Instant, lost_bytes: u64, window: Window) {
        let at = self.at(at);
        let state = &mut *self.lock();
        state.loss.congestion(at, lost_bytes, &mut state.lost);
        state.report_losses();
        state.recovery_since = Some(at);
        state.report_metrics(at, window);
    }
}

impl State {
    fn report(&mut self, at: Time, event: &QuicEvent<'_>) {
        self.traces.iter_mut().for_each(|trace| trace.record(at, event));
    }

    fn report_losses(&mut self) {
        let mut losses = std::mem::take(&mut self.lost);
        for lost in losses.drain(..) {
            self.report(lost.declared, &QuicEvent::Lost(lost));
        }
        // Reuses its memory.
        self.lost = losses;
    }

    fn received(&mut self, side: Side, now: Time, packet: &QuicPacket<'_>, accepted: bool) {
        self.loss.received(now, &mut self.lost);
        self.report_losses();
        let space = packet.packet_type.space();
        let is_duplicate = self.received[space as usize].is_duplicate(packet.number);
        if is_duplicate || !accepted {
            return self.report(now, &QuicEvent::Ignored { packet: *packet, is_duplicate });
        }
        self.report(now, &QuicEvent::Received(*packet));
        if side == Side::Server && space == Space::Handshake {
            self.loss.discard(now, Space::Initial);
        }
        for frame in packet.frames() {
            match frame {
                Frame::Ack(ack) => self.loss.acknowledged(space, &ack),
                Frame::HandshakeDone => self.loss.discard(now, Space::Handshake),
                Frame::ConnectionClose { .. } => self.loss.close(),
                _ => {}
            }
        }
    }

    fn report_metrics(&mut self, at: Time, window: Window) {
        let (bytes_in_flight, packets_in_flight) = self.loss.in_flight();
        let rtt = self.loss.rtt();
        let metrics = Metrics {
            min_rtt: rtt.min,
            smoothed_rtt: rtt.smoothed(),
            latest_rtt: rtt.latest,
            rtt_variance: rtt.variance,
            pto_count: self.loss.pto_count(),
            congestion_window: window.bytes,
            bytes_in_flight,
            packets_in_flight,
            ssthresh: window.ssthresh,
        };
        if metrics != self.metrics {
            self.metrics = metrics;
            self.report(at, &QuicEvent::Metrics(metrics));
        }
        // A controller without a slow start threshold does not have these states.
        let Some(ssthresh) = window.ssthresh else { return };
        let congestion = match self.recovery_since {
            Some(_) => CongestionState::Recovery,
            None if window.bytes < ssthresh => CongestionState::SlowStart,
            None => CongestionState::CongestionAvoidance,
        };
        if self.congestion != Some(congestion) {
            self.congestion = Some(congestion);
            self.report(at, &QuicEvent::Congestion(congestion));
        }
    }
}

/// The packet numbers that were received in one space. Like quinn, it remembers a limited number of them and treats all
/// older packets as duplicates.
#[derive(Debug, Clone, Copy, Default)]
struct Received {
    /// The number after the highest.
    next: u64,
    /// Bit `n` is set if the number `n` below the highest was received.
    window: u128,
}

impl Received {
    /// quinn remembers the highest number and the 128 before it.
    const BEFORE: u64 = 128;

    fn is_duplicate(&mut self, number: u64) -> bool {
        let Some(ahead) = number.checked_sub(self.next) else {
            let behind = self.next - 1 - number;
            let Some(bit) = behind.checked_sub(1).filter(|_| behind <= Self::BEFORE) else { return true };
            let is_known = self.window & 1 << bit != 0;
            self.window |= 1 << bit;
            return is_known;
        };
        // The former highest number moves into the window. There is none if this is the first packet.
        let before = self.window << 1 | u128::from(self.next > 0);
        self.window = u32::try_from(ahead).ok().and_then(|ahead| before.checked_shl(ahead)).unwrap_or(0);
        self.next = number + 1;
        false
    }
}

impl fmt::Debug for Recorders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorders").field("tracers", &self.tracers).finish_non_exhaustive()
    }
}
