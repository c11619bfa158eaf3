//! Loss detection of QUIC (RFC 9002 section 6 and appendix A), followed from outside.
//!
//! A QUIC library does not tell which packets it declares lost, but it is bound to the algorithm of the RFC. This follows
//! the algorithm packet by packet from what the library sends and receives, at the instants that the library itself uses.

use std::{collections::BTreeMap, time::Duration};

use super::quic::{LossTrigger, Lost, PacketType, QuicPacket, Space};
use crate::{
    path::Side,
    unit::Time,
    wire::quic::{Ack, Frame},
};

/// When a packet counts as lost (RFC 9002 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Once a packet with a number this much larger is acknowledged.
    pub packets: u32,
    /// Once this many round trips have passed.
    pub time: f32,
}

impl Default for Thresholds {
    /// As RFC 9002 recommends.
    fn default() -> Self {
        Self { packets: 3, time: 9.0 / 8.0 }
    }
}

/// The granularity of timers (RFC 9002 section 6.1.2).
const GRANULARITY: Duration = Duration::from_millis(1);
/// The round trip before the first measurement (RFC 9002 section 6.2.2).
const INITIAL_RTT: Duration = Duration::from_millis(333);
/// Acknowledgements of a long run of packets without ack-eliciting frames may never come, so older ones are forgotten.
const MAX_TAIL: u64 = 1000;
const MAX_BACKOFF: u32 = 16;

/// The round trip (RFC 9002 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RttEstimate {
    /// The latest.
    pub latest: Duration,
    /// The shortest.
    pub min: Duration,
    /// The mean variation.
    pub variance: Duration,
    smoothed: Option<Duration>,
}

impl RttEstimate {
    const INITIAL: Self = Self {
        latest: INITIAL_RTT,
        min: INITIAL_RTT,
        variance: Duration::from_micros(166_500),
        smoothed: None,
    };

    /// The smoothed round trip.
    pub fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or(self.latest)
    }

    fn update(&mut self, ack_delay: Duration, rtt: Duration) {
        self.latest = rtt;
        let Some(smoothed) = self.smoothed else {
            *self = Self { latest: rtt, min: rtt, variance: rtt / 2, smoothed: Some(rtt) };
            return;
        };
        self.min = self.min.min(rtt);
        let adjusted = if self.min + ack_delay <= rtt { rtt - ack_delay } else { rtt };
        self.variance = (3 * self.variance + smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = Some((7 * smoothed + adjusted) / 8);
    }
}

/// What matters of a packet that is sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    packet_type: PacketType,
    number: u64,
    bytes: u64,
    ack_eliciting: bool,
    in_flight: bool,
    closes: bool,
    confirms: bool,
    only_pings: bool,
}

impl Outgoing {
    /// What matters of `packet`.
    pub fn of(packet: &QuicPacket<'_>) -> Self {
        let QuicPacket { packet_type, number, bytes, .. } = *packet;
        let mut outgoing = Self {
            packet_type,
            number,
            bytes,
            ack_eliciting: false,
            in_flight: false,
            closes: false,
            confirms: false,
            only_pings: true,
        };
        for frame in packet.frames() {
            let eliciting = frame.is_ack_eliciting();
            outgoing.ack_eliciting |= eliciting;
            outgoing.in_flight |= eliciting || matches!(frame, Frame::Padding { .. });
            outgoing.closes |= matches!(frame, Frame::ConnectionClose { .. });
            outgoing.confirms |= frame == Frame::HandshakeDone;
            outgoing.only_pings &= matches!(frame, Frame::Ping | Frame::ImmediateAck | Frame::Padding { .. });
        }
        outgoing
    }
}

/// A packet that is neither acknowledged nor lost.
#[derive(Debug, Clone, Copy)]
struct Unacked {
    packet_type: PacketType,
    at: Time,
    bytes: u64,
    ack_eliciting: bool,
    in_flight: bool,
    is_probe: bool,
    is_mtu_probe: bool,
}

#[derive(Debug, Default)]
struct SpaceState {
    unacked: BTreeMap<u64, Unacked>,
    largest_acked: Option<u64>,
    /// Whether the packet that was acknowledged last and made the largest was a probe.
    largest_is_probe: bool,
    largest_acked_sent: Time,
    last_ack_eliciting: Option<Time>,
    /// When the next packet exceeds the time threshold.
    loss_time: Option<Time>,
    /// Probes that are due.
    probes: u32,
    largest_eliciting: Option<u64>,
    /// Packets after the last ack-eliciting one.
    tail: u64,
    is_discarded: bool,
}

/// An acknowledgement that the library is about to process.
#[derive(Debug, Clone, Copy)]
struct Pending {
    space: Space,
    is_new_largest: bool,
    ack_eliciting: bool,
    delay: Duration,
}

/// A packet that was sealed, and when the library says that it was sent is not known yet.
#[derive(Debug, Clone, Copy)]
struct Sealed {
    space: Space,
    number: u64,
    bytes: u64,
    only_pings: bool,
}

/// Follows the loss detection of one end of a connection.
#[derive(Debug)]
pub struct LossDetector {
    side: Side,
    thresholds: Thresholds,
    rtt: RttEstimate,
    peer_ack_delay_exponent: u32,
    peer_max_ack_delay: Duration,
    spaces: [SpaceState; 3],
    /// Packets whose time of sending is that of sealing, until the library tells its own.
    sealed: Vec<Sealed>,
    pending: Option<Pending>,
    timer: Option<Time>,
    pto_count: u32,
    bytes_in_flight: u64,
    packets_in_flight: u64,
    is_established: bool,
    is_closed: bool,
    /// Losses were found at this instant, and the library is about to tell its controller.
    found: Option<Time>,
}

impl LossDetector {
    /// For one end of a connection.
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
            bytes_in_flight: 0,
            packets_in_flight: 0,
            is_established: false,
            is_closed: false,
            found: None,
        }
    }

    /// The round trip.
    pub fn rtt(&self) -> &RttEstimate {
        &self.rtt
    }

    /// Probe timeouts in a row.
    pub fn pto_count(&self) -> u32 {
        self.pto_count
    }

    /// Bytes, and ack-eliciting packets, in flight.
    pub fn in_flight(&self) -> (u64, u64) {
        (self.bytes_in_flight, self.packets_in_flight)
    }

    /// The peer's transport parameters `ack_delay_exponent` and `max_ack_delay`.
    pub fn peer_delays_acks(&mut self, exponent: u32, max: Duration) {
        (self.peer_ack_delay_exponent, self.peer_max_ack_delay) = (exponent, max);
    }

    /// The handshake is complete.
    pub fn establish(&mut self) {
        self.is_established = true;
    }

    /// The connection is closed, and no loss is detected any more.
    pub fn close(&mut self) {
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
        let id = packet.packet_type.space();
        let space = &mut self.spaces[id as usize];
        let is_probe = space.probes > 0;
        space.probes = space.probes.saturating_sub(1);
        if packet.ack_eliciting {
            space.tail = 0;
            space.largest_eliciting = Some(packet.number);
            space.last_ack_eliciting = Some(now);
        } else if space.tail > MAX_TAIL {
            let from = space.largest_eliciting.map_or(0, |largest| largest + 1);
            let oldest = space.unacked.range(from..).next().map(|(number, _)| *number);
            let forgotten = oldest.and_then(|oldest| space.unacked.remove(&oldest));
            forgotten.into_iter().for_each(|packet| self.leave_flight(&packet));
        } else {
            space.tail += 1;
        }
        let Outgoing { packet_type, number, bytes, ack_eliciting, in_flight, only_pings, .. } = *packet;
        let (at, is_mtu_probe) = (now, false);
        let unacked = Unacked { packet_type, at, bytes, ack_eliciting, in_flight, is_probe, is_mtu_probe };
        self.spaces[id as usize].unacked.insert(number, unacked);
        self.sealed.push(Sealed { space: id, number, bytes, only_pings });
        if in_flight {
            self.bytes_in_flight += bytes;
            self.packets_in_flight += u64::from(ack_eliciting);
            self.set_timer(now);
        }
        is_probe
    }

    /// The library says that it sent the latest packets, `bytes` together, at `now`. It does not say that of probes for
    /// a larger MTU.
    pub fn transmitted(&mut self, now: Time, bytes: u64) {
        let mut rest = bytes;
        while let Some(Sealed { space, number, bytes, only_pings }) = self.sealed.pop() {
            let space = &mut self.spaces[space as usize];
            let is_transmitted = rest >= bytes;
            rest = rest.saturating_sub(bytes);
            let Some(unacked) = space.unacked.get_mut(&number) else { continue };
            if !is_transmitted {
                unacked.is_mtu_probe = only_pings;
                continue;
            }
            unacked.at = now;
            if unacked.ack_eliciting && space.largest_eliciting == Some(number) {
                space.last_ack_eliciting = Some(now);
            }
        }
        self.set_timer(now);
    }

    /// A packet arrived at `now`.
    pub fn received(&mut self, now: Time, lost: &mut Vec<Lost>) {
        self.expire(now, false, lost);
    }

    /// The library is about to process an ACK frame of a packet of `space`.
    pub fn acknowledged(&mut self, space: Space, ack: &Ack<'_>) {
        let id = space;
        let space = &mut self.spaces[id as usize];
        if self.is_closed || space.is_discarded {
            return;
        }
        let is_new_largest = space.largest_acked.is_none_or(|largest| ack.largest > largest);
        if is_new_largest {
            space.largest_acked = Some(ack.largest);
            if let Some(packet) = space.unacked.get(&ack.largest) {
                space.largest_acked_sent = packet.at;
                space.largest_is_probe = packet.is_probe;
            }
        }
        let (mut any, mut ack_eliciting) = (false, false);
        for (first, last) in ack.ranges() {
            while let Some((&number, _)) = self.spaces[id as usize].unacked.range(first..=last).next() {
                let Some(packet) = self.spaces[id as usize].unacked.remove(&number) else { break };
                any = true;
                ack_eliciting |= packet.ack_eliciting;
                self.leave_flight(&packet);
            }
        }
        if any {
            let micros = ack.delay.checked_shl(self.peer_ack_delay_exponent).unwrap_or(u64::MAX);
            let delay = match id {
                Space::Data => Duration::from_micros(micros).min(self.peer_max_ack_delay),
                _ => Duration::ZERO,
            };
            self.pending = Some(Pending { space: id, is_new_largest, ack_eliciting, delay });
        }
    }

    /// The library has processed the acknowledgements at `now`, and looks for losses.
    pub fn acks_processed(&mut self, now: Time, lost: &mut Vec<Lost>) {
        let Some(Pending { space, is_new_largest, ack_eliciting, delay }) = self.pending.take() else {
            return;
        };
        if is_new_largest && ack_eliciting {
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

    /// The library tells its controller at `now` that packets of `lost_bytes` were lost.
    pub fn congestion(&mut self, now: Time, lost_bytes: u64, lost: &mut Vec<Lost>) {
        if self.found.take() == Some(now) || lost_bytes == 0 {
            return;
        }
        if let Some((_, space)) = self.loss_time() {
            self.detect(now, space, lost);
            self.set_timer(now);
        }
    }

    /// The packets of `space` are void.
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

    /// All packets of `space` so far are void, and it is used again.
    pub fn forget(&mut self, space: Space) {
        let state = &mut self.spaces[space as usize];
        state.last_ack_eliciting = None;
        state.loss_time = None;
        for packet in std::mem::take(&mut state.unacked).into_values() {
            self.leave_flight(&packet);
        }
    }

    fn leave_flight(&mut self, packet: &Unacked) {
        if packet.in_flight {
            self.bytes_in_flight -= packet.bytes;
            self.packets_in_flight -= u64::from(packet.ack_eliciting);
        }
    }

    /// The timer has expired if it was due before `now`, or at `now` if the library is `sending`.
    fn expire(&mut self, now: Time, sending: bool, lost: &mut Vec<Lost>) {
        while let Some(at) = self.timer.filter(|at| *at < now || sending && *at == now) {
            if self.is_closed {
                return;
            }
            if let Some((_, id)) = self.loss_time() {
                if !self.is_silent(at, id) {
                    return;
                }
                self.detect(at, id, lost);
                self.set_timer(at);
            } else if sending && let Some((_, space)) = self.probe_timeout(now) {
                let probes = if self.packets_in_flight == 0 { 1 } else { 2 };
                self.spaces[space as usize].probes += probes;
                self.pto_count += 1;
                self.set_timer(now);
            } else {
                return;
            }
        }
    }

    /// Whether the library tells nobody of the losses that it finds at `at`: it tells its controller of packets in flight
    /// only.
    fn is_silent(&self, at: Time, id: Space) -> bool {
        let loss_delay = self.loss_delay();
        let space = &self.spaces[id as usize];
        let mut unacked = space.unacked.range(..space.largest_acked.unwrap_or(0)).map(|(_, packet)| packet);
        unacked.all(|packet| !packet.in_flight || at.since(packet.at) < loss_delay)
    }

    fn loss_delay(&self) -> Duration {
        let rtt = self.rtt.smoothed().max(self.rtt.latest);
        rtt.mul_f32(self.thresholds.time).max(GRANULARITY)
    }

    /// RFC 9002 appendix A.10.
    fn detect(&mut self, now: Time, id: Space, lost: &mut Vec<Lost>) {
        let loss_delay = self.loss_delay();
        let space = &mut self.spaces[id as usize];
        space.loss_time = None;
        let Some(largest) = space.largest_acked else { return };
        let first = lost.len();
        for (&number, packet) in space.unacked.range(..largest) {
            let is_overtaken = largest >= number + u64::from(self.thresholds.packets);
            if !is_overtaken && now.since(packet.at) < loss_delay {
                // Later packets are younger.
                space.loss_time = Some(packet.at + loss_delay);
                break;
            }
            lost.push(Lost {
                packet_type: packet.packet_type,
                number,
                bytes: packet.bytes,
                sent: packet.at,
                declared: now,
                trigger: if is_overtaken { LossTrigger::PacketThreshold } else { LossTrigger::TimeThreshold },
                ack_eliciting: packet.ack_eliciting,
                after_probe: space.largest_is_probe,
                is_mtu_probe: packet.is_mtu_probe,
            });
        }
        for packet in &lost[first..] {
            if let Some(packet) = self.spaces[id as usize].unacked.remove(&packet.number) {
                self.leave_flight(&packet);
            }
        }
    }

    fn loss_time(&self) -> Option<(Time, Space)> {
        Space::ALL.into_iter().filter_map(|id| Some((self.spaces[id as usize].loss_time?, id))).min()
    }

    /// Whether the peer has surely validated this end's address.
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
            None if self.packets_in_flight == 0 && self.peer_has_validated() => None,
            None => self.probe_timeout(now).map(|(at, _)| at),
        };
    }

    /// RFC 9002 appendix A.8.
    fn probe_timeout(&self, now: Time) -> Option<(Time, Space)> {
        let backoff = 1 << self.pto_count.min(MAX_BACKOFF);
        let mut duration = (self.rtt.smoothed() + (4 * self.rtt.variance).max(GRANULARITY)) * backoff;
        if self.packets_in_flight == 0 {
            let [initial, ..] = &self.spaces;
            let space = if initial.is_discarded { Space::Handshake } else { Space::Initial };
            return Some((now + duration, space));
        }
        let mut earliest: Option<(Time, Space)> = None;
        for id in Space::ALL {
            let space = &self.spaces[id as usize];
            if !space.unacked.values().any(|packet| packet.in_flight) {
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
