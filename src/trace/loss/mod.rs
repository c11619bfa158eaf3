//! Loss detection of QUIC (RFC 9002 section 6 and appendix A), reconstructed from the packets of one end.
//!
//! A QUIC library does not report which packets it declares lost, but it follows the algorithm of the RFC. The detector
//! runs the same algorithm on the packets that the library sends and receives, at the instants that the library uses.

mod packet;
mod rtt;
mod space;

use std::time::Duration;

pub use self::packet::Outgoing;
pub(crate) use self::rtt::RttEstimate;
use self::space::{InFlight, NewlyAcked, PacketSpace};
use super::quic::{Lost, PacketType, Space, Thresholds};
use crate::{path::Side, unit::Time, wire::quic::Ack};

const MAX_BACKOFF: u32 = 16;

/// An acknowledgement that the library is about to process.
#[derive(Debug, Clone, Copy)]
struct Pending {
    space: Space,
    acked: NewlyAcked,
    delay: Duration,
}

/// A sealed packet. The library has not reported yet when it was sent.
#[derive(Debug, Clone, Copy)]
struct Sealed {
    space: Space,
    number: u64,
    bytes: u64,
}

/// Reconstructs the loss detection of one end of a connection.
#[derive(Debug)]
pub struct LossDetector {
    side: Side,
    thresholds: Thresholds,
    rtt: RttEstimate,
    peer_ack_delay_exponent: u32,
    peer_max_ack_delay: Duration,
    spaces: [PacketSpace; 3],
    /// Until the library reports when these packets were sent, they count as sent when they were sealed.
    sealed: Vec<Sealed>,
    pending: Option<Pending>,
    timer: Option<Time>,
    pto_count: u32,
    in_flight: InFlight,
    is_established: bool,
    is_closed: bool,
    /// When losses were found that the library has not reported to its congestion controller yet.
    found: Option<Time>,
}

impl LossDetector {
    /// Creates the detector of one end of a connection.
    pub fn new(side: Side, thresholds: Thresholds) -> Self {
        Self {
            side,
            thresholds,
            rtt: RttEstimate::INITIAL,
            peer_ack_delay_exponent: 3,
            peer_max_ack_delay: Duration::from_millis(25),
            spaces: Default::default(),
            sealed: Vec::new(),
            pending: None,
            timer: None,
            pto_count: 0,
            in_flight: InFlight::default(),
            is_established: false,
            is_closed: false,
            found: None,
        }
    }

    /// The RTT.
    pub(crate) fn rtt(&self) -> &RttEstimate {
        &self.rtt
    }

    /// Consecutive probe timeouts without an acknowledgement.
    pub(crate) fn pto_count(&self) -> u32 {
        self.pto_count
    }

    /// Bytes, and ack-eliciting packets, in flight.
    pub fn in_flight(&self) -> (u64, u64) {
        (self.in_flight.bytes, self.in_flight.packets)
    }

    /// Sets the peer's transport parameters `ack_delay_exponent` and `max_ack_delay`.
    pub(crate) fn peer_delays_acks(&mut self, exponent: u32, max: Duration) {
        (self.peer_ack_delay_exponent, self.peer_max_ack_delay) = (exponent, max);
    }

    /// The handshake is complete.
    pub fn establish(&mut self) {
        self.is_established = true;
    }

    /// The connection is closed. No further losses are detected.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    /// The library drops the connection at `now`. Detects the losses that it has detected since the last event.
    pub(crate) fn end(&mut self, now: Time, lost: &mut Vec<Lost>) {
        self.expire(now, false, lost);
        self.is_closed = true;
    }

    /// A packet is sealed at `now`, and sent. Returns whether it is a probe (RFC 9002 section 6.2.4).
    pub fn sent(&mut self, now: Time, packet: &Outgoing, lost: &mut Vec<Lost>) -> bool {
        if self.is_closed {
            return false;
        }
        if packet.closes {
            // It is not acknowledged.
            self.is_closed = true;
            return false;
        }
        self.expire(now, true, lost);
        if self.side == Side::Client && packet.packet_type == PacketType::Handshake {
            self.discard(now, Space::Initial);
        }
        if packet.confirms {
            self.discard(now, Space::Handshake);
        }
        let Outgoing { packet_type, number, bytes, .. } = *packet;
        let space = packet_type.space();
        let is_probe = self.spaces[space as usize].send(now, packet, &mut self.in_flight);
        self.sealed.push(Sealed { space, number, bytes });
        if packet.in_flight {
            self.set_timer(now);
        }
        is_probe
    }

    /// The library reports that it sent the latest packets, `bytes` in total, at `now`. It does not report probes for a
    /// larger MTU.
    pub fn transmitted(&mut self, now: Time, bytes: u64) {
        let mut rest = bytes;
        while let Some(Sealed { space, number, bytes }) = self.sealed.pop() {
            if rest >= bytes {
                self.spaces[space as usize].transmitted(number, now);
            }
            rest = rest.saturating_sub(bytes);
        }
        self.set_timer(now);
    }

    /// A packet arrived at `now`.
    pub fn received(&mut self, now: Time, lost: &mut Vec<Lost>) {
        self.expire(now, false, lost);
    }

    /// The library is about to process an ACK frame of a packet of `space`.
    pub fn acknowledged(&mut self, space: Space, ack: &Ack<'_>) {
        let state = &mut self.spaces[space as usize];
        if self.is_closed || state.is_discarded {
            return;
        }
        if let Some(acked) = state.acknowledge(ack, &mut self.in_flight) {
            let micros = ack.delay.checked_shl(self.peer_ack_delay_exponent).unwrap_or(u64::MAX);
            let delay = match space {
                Space::Data => Duration::from_micros(micros).min(self.peer_max_ack_delay),
                _ => Duration::ZERO,
            };
            self.pending = Some(Pending { space, acked, delay });
        }
    }

    /// The library has processed the acknowledgements at `now`, and detects losses.
    pub fn acks_processed(&mut self, now: Time, lost: &mut Vec<Lost>) {
        let Some(Pending { space, acked, delay }) = self.pending.take() else { return };
        if acked.is_new_largest && acked.ack_eliciting {
            self.rtt.update(delay, now.since(self.spaces[space as usize].largest_acked_sent));
        }
        let before = lost.len();
        self.detect(now, space, lost);
        self.found = (lost.len() > before).then_some(now);
        if self.peer_has_validated() {
            self.pto_count = 0;
        }
        self.set_timer(now);
    }

    /// The library reports to its congestion controller at `now` that packets of `lost_bytes` were lost.
    pub fn congestion(&mut self, now: Time, lost_bytes: u64, lost: &mut Vec<Lost>) {
        if self.found.take() == Some(now) || lost_bytes == 0 {
            return;
        }
        if let Some((_, space)) = self.loss_time() {
            self.detect(now, space, lost);
            self.set_timer(now);
        }
    }

    /// The keys of `space` are discarded (RFC 9001 section 4.9). Its packets can no longer be acknowledged or lost.
    pub fn discard(&mut self, now: Time, space: Space) {
        if self.spaces[space as usize].is_discarded {
            return;
        }
        self.forget(space);
        let state = &mut self.spaces[space as usize];
        state.is_discarded = true;
        state.probes = 0;
        self.set_timer(now);
    }

    /// Forgets the packets of `space` sent so far. The space remains in use.
    pub(crate) fn forget(&mut self, space: Space) {
        self.spaces[space as usize].forget(&mut self.in_flight);
    }

    /// Handles the expiry of the timer before `now`. While the library is `sending`, a timer that is due at `now` has
    /// expired too.
    fn expire(&mut self, now: Time, sending: bool, lost: &mut Vec<Lost>) {
        while let Some(at) = self.timer.filter(|at| *at < now || sending && *at == now) {
            if self.is_closed {
                return;
            }
            if let Some((_, space)) = self.loss_time() {
                // The library reports the loss of packets in flight to its congestion controller, see `congestion`.
                if !self.spaces[space as usize].is_silent(at, self.loss_delay()) {
                    return;
                }
                self.detect(at, space, lost);
                self.set_timer(at);
            } else if sending && let Some((_, space)) = self.probe_timeout(now) {
                let probes = if self.in_flight.packets == 0 { 1 } else { 2 };
                self.spaces[space as usize].probes += probes;
                self.pto_count += 1;
                self.set_timer(now);
            } else {
                return;
            }
        }
    }

    fn loss_delay(&self) -> Duration {
        self.rtt.loss_delay(self.thresholds.time)
    }

    fn detect(&mut self, now: Time, space: Space, lost: &mut Vec<Lost>) {
        let loss_delay = self.loss_delay();
        let space = &mut self.spaces[space as usize];
        space.detect(now, self.thresholds.packets, loss_delay, &mut self.in_flight, lost);
    }

    fn loss_time(&self) -> Option<(Time, Space)> {
        Space::ALL.into_iter().filter_map(|id| Some((self.spaces[id as usize].loss_time?, id))).min()
    }

    /// Whether the peer is known to have validated this end's address.
    fn peer_has_validated(&self) -> bool {
        let [_, handshake, data] = &self.spaces;
        self.side == Side::Server
            || handshake.largest_acked.is_some()
            || data.largest_acked.is_some()
            || handshake.is_discarded
    }

    fn set_timer(&mut self, now: Time) {
        self.timer = match self.loss_time() {
            Some((at, _)) => Some(at),
            None if self.in_flight.packets == 0 && self.peer_has_validated() => None,
            None => self.probe_timeout(now).map(|(at, _)| at),
        };
    }

    /// When the next probe timeout expires, and in which space (RFC 9002 appendix A.8).
    fn probe_timeout(&self, now: Time) -> Option<(Time, Space)> {
        let backoff = 1 << self.pto_count.min(MAX_BACKOFF);
        let mut duration = self.rtt.probe_timeout() * backoff;
        if self.in_flight.packets == 0 {
            let [initial, ..] = &self.spaces;
            let space = if initial.is_discarded { Space::Handshake } else { Space::Initial };
            return Some((now + duration, space));
        }
        let mut earliest: Option<(Time, Space)> = None;
        for id in Space::ALL {
            let space = &self.spaces[id as usize];
            if !space.has_in_flight() {
                continue;
            }
            if id == Space::Data {
                if !self.is_established {
                    break;
                }
                duration += self.peer_max_ack_delay * backoff;
            }
            let Some(last) = space.last_ack_eliciting else { continue };
            let at = last + duration;
            if earliest.is_none_or(|(earliest, _)| at < earliest) {
                earliest = Some((at, id));
            }
        }
        earliest
    }
}
