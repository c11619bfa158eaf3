//! The unacknowledged packets of one packet number space.

use std::{collections::BTreeMap, time::Duration};

use super::packet::Outgoing;
use crate::{
    trace::quic::{LossTrigger, Lost, PacketType},
    unit::Time,
    wire::quic::Ack,
};

/// A peer may never acknowledge a long run of packets that are not ack-eliciting. After this many of them, each new one
/// replaces the oldest.
const MAX_TAIL: u64 = 1000;

/// What is in flight in all spaces together.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    pub(super) bytes: u64,
    /// Ack-eliciting packets.
    pub(super) packets: u64,
}

impl InFlight {
    pub(super) fn add(&mut self, packet: &Outgoing) {
        if packet.in_flight {
            self.bytes += packet.bytes;
            self.packets += u64::from(packet.ack_eliciting);
        }
    }

    fn remove(&mut self, packet: &Unacked) {
        if packet.in_flight {
            self.bytes -= packet.bytes;
            self.packets -= u64::from(packet.ack_eliciting);
        }
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

/// Newly acknowledged packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewlyAcked {
    /// Whether the ACK frame raised the largest acknowledged number.
    pub(super) is_new_largest: bool,
    /// Whether one of the packets is ack-eliciting.
    pub(super) ack_eliciting: bool,
}

#[derive(Debug, Default)]
pub(super) struct PacketSpace {
    unacked: BTreeMap<u64, Unacked>,
    pub(super) largest_acked: Option<u64>,
    /// Whether the packet that set `largest_acked` was a probe.
    largest_is_probe: bool,
    pub(super) largest_acked_sent: Time,
    /// When the last ack-eliciting packet was sent.
    pub(super) last_ack_eliciting: Option<Time>,
    /// When the next packet exceeds the time threshold.
    pub(super) loss_time: Option<Time>,
    /// Probes that are due.
    pub(super) probes: u32,
    largest_eliciting: Option<u64>,
    /// Packets sent since the last ack-eliciting one.
    tail: u64,
    pub(super) is_discarded: bool,
}

impl PacketSpace {
    /// Records a packet that is sent at `now`. Returns whether it is a probe.
    pub(super) fn send(&mut self, now: Time, packet: &Outgoing, in_flight: &mut InFlight) -> bool {
        let is_probe = self.probes > 0;
        self.probes = self.probes.saturating_sub(1);
        if packet.ack_eliciting {
            self.tail = 0;
            self.largest_eliciting = Some(packet.number);
            self.last_ack_eliciting = Some(now);
        } else if self.tail > MAX_TAIL {
            let from = self.largest_eliciting.map_or(0, |largest| largest + 1);
            let oldest = self.unacked.range(from..).next().map(|(number, _)| *number);
            let forgotten = oldest.and_then(|oldest| self.unacked.remove(&oldest));
            forgotten.iter().for_each(|packet| in_flight.remove(packet));
        } else {
            self.tail += 1;
        }
        in_flight.add(packet);
        let unacked = Unacked {
            packet_type: packet.packet_type,
            at: now,
            bytes: packet.bytes,
            ack_eliciting: packet.ack_eliciting,
            in_flight: packet.in_flight,
            is_probe,
            is_mtu_probe: packet.is_mtu_probe,
        };
        self.unacked.insert(packet.number, unacked);
        is_probe
    }

    /// Packet `number` was sent at `now`. Until now it counted as sent when it was sealed.
    pub(super) fn transmitted(&mut self, number: u64, now: Time) {
        let Some(packet) = self.unacked.get_mut(&number) else { return };
        packet.at = now;
        if packet.ack_eliciting && self.largest_eliciting == Some(number) {
            self.last_ack_eliciting = Some(now);
        }
    }

    /// Removes the packets in `ack`. Returns `None` if it acknowledges no packet for the first time.
    pub(super) fn acknowledge(&mut self, ack: &Ack<'_>, in_flight: &mut InFlight) -> Option<NewlyAcked> {
        let is_new_largest = self.largest_acked.is_none_or(|largest| ack.largest > largest);
        if is_new_largest {
            self.largest_acked = Some(ack.largest);
            if let Some(packet) = self.unacked.get(&ack.largest) {
                self.largest_acked_sent = packet.at;
                self.largest_is_probe = packet.is_probe;
            }
        }
        let (mut any, mut ack_eliciting) = (false, false);
        for (first, last) in ack.ranges() {
            while let Some((&number, _)) = self.unacked.range(first..=last).next() {
                let Some(packet) = self.unacked.remove(&number) else { break };
                any = true;
                ack_eliciting |= packet.ack_eliciting;
                in_flight.remove(&packet);
            }
        }
        any.then_some(NewlyAcked { is_new_largest, ack_eliciting })
    }

    /// Declares packets lost (RFC 9002 appendix A.10).
    pub(super) fn detect(
        &mut self,
        now: Time,
        packet_threshold: u32,
        loss_delay: Duration,
        in_flight: &mut InFlight,
        lost: &mut Vec<Lost>,
    ) {
        self.loss_time = None;
        let Some(largest) = self.largest_acked else { return };
        let first = lost.len();
        for (&number, packet) in self.unacked.range(..largest) {
            let is_overtaken = largest >= number + u64::from(packet_threshold);
            if !is_overtaken && now.since(packet.at) < loss_delay {
                // Later packets are younger.
                self.loss_time = Some(packet.at + loss_delay);
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
                after_probe: self.largest_is_probe,
                is_mtu_probe: packet.is_mtu_probe,
            });
        }
        for packet in &lost[first..] {
            if let Some(packet) = self.unacked.remove(&packet.number) {
                in_flight.remove(&packet);
            }
        }
    }

    /// Whether all packets that exceed the time threshold at `at` do not count as in flight.
    pub(super) fn is_silent(&self, at: Time, loss_delay: Duration) -> bool {
        let mut below = self.unacked.range(..self.largest_acked.unwrap_or(0)).map(|(_, packet)| packet);
        below.all(|packet| !packet.in_flight || at.since(packet.at) < loss_delay)
    }

    pub(super) fn has_in_flight(&self) -> bool {
        self.unacked.values().any(|packet| packet.in_flight)
    }

    /// Removes all packets.
    pub(super) fn forget(&mut self, in_flight: &mut InFlight) {
        self.last_ack_eliciting = None;
        self.loss_time = None;
        for packet in std::mem::take(&mut self.unacked).into_values() {
            in_flight.remove(&packet);
        }
    }
}
