//! One direction of the emulated link. It is seeded and reads no clock.
//!
//! A packet passes, in this order:
//!
//! 1. the MTU: a larger packet is refused;
//! 2. the drop-tail queue of the bottleneck;
//! 3. serialisation at the rate;
//! 4. loss: a lost packet has used the bottleneck;
//! 5. duplication: the copy propagates on its own, with its own draw of the jitter;
//! 6. corruption of one bit, in the first copy only;
//! 7. propagation: the delay, its jitter, and reordering, by which the first copy skips the delay.
//!
//! Every offered packet draws once from every enabled effect, before the MTU and the queue decide. Each
//! effect has a generator of its own, keyed by (seed, direction, effect). So the n-th packet has the same
//! draws with every transport, and enabling one effect does not change the draws of another.
//!
//! ```
//! use std::time::Duration;
//! use wirelab::{
//!     link::{Link, LinkSpec},
//!     unit::{Direction, Time},
//! };
//!
//! let mut spec = LinkSpec::default();
//! spec.apply_pairs("delay=25ms,rate=12mbit,queue=128KB").unwrap();
//! spec.validate().unwrap();
//! let mut link = Link::new(spec, 1, Direction::ToServer);
//! link.enqueue(Time::ZERO, 1500, "a packet");
//! // 1 ms to serialise 1500 bytes, 25 ms to get there.
//! let due = link.poll_timeout().unwrap();
//! assert_eq!(due.since(Time::ZERO), Duration::from_millis(26));
//! assert_eq!(link.poll_delivery(due).unwrap().packet, "a packet");
//! ```

mod counters;
mod error;
mod impairments;
mod in_flight;
mod jitter;
mod loss;
mod preset;
mod propagation;
mod properties;
mod queue;
mod random;
mod settings;
mod spec;

pub use counters::Counters;
pub use error::{SpecError, ValueError};
pub use jitter::{Jitter, JitterShape};
pub use loss::{GilbertElliott, Loss, LossBy};
pub use preset::Preset;
pub use properties::{Column, Obstacle, PROPERTIES, Property, Takes, Word, obstacle};
pub use queue::QueueLimit;
pub use settings::{LinkSettings, Setting};
pub use spec::LinkSpec;

use crate::unit::{Direction, Time, nanos};
use impairments::Impairments;
use in_flight::InFlight;
use propagation::{Arrival, Propagation};
use queue::Bottleneck;

/// The outcome for a packet, known when it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives.
    Deliver {
        /// When its last bit leaves the bottleneck.
        departs: Time,
        /// When it arrives.
        at: Time,
        /// The draw that chooses the bit to flip, see [`Delivered::corrupt`].
        corrupt: Option<u64>,
        /// Whether it arrives before a packet that was offered earlier.
        overtaking: bool,
        /// When its copy arrives, if it was duplicated.
        duplicate_at: Option<Time>,
    },
    /// Lost after the bottleneck, by a draw, a list or an outage.
    Lost,
    /// The queue of the bottleneck was full.
    QueueFull,
    /// Above the MTU.
    TooLarge,
}

impl Verdict {
    /// Whether the packet or its copy arrives without a flipped bit.
    pub const fn arrives_intact(&self) -> bool {
        matches!(self, Self::Deliver { corrupt: None, .. } | Self::Deliver { duplicate_at: Some(_), .. })
    }
}

/// A packet at the far end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered<P> {
    /// When it arrived.
    pub at: Time,
    /// The packet, as it was offered.
    pub packet: P,
    /// A draw if a bit must be flipped: the index of the bit, modulo the number of bits in the packet. The
    /// link does not look into packets, so the caller flips it.
    pub corrupt: Option<u64>,
    /// Whether this is the second copy.
    pub copy: bool,
    /// Whether another copy of it arrives later.
    pub more: bool,
}

/// One direction of a link.
///
/// It does not look into packets: their content, with the ECN field, comes out unchanged.
///
/// How to drive it: [`enqueue`](Self::enqueue) each packet that is sent. At [`poll_timeout`](Self::poll_timeout)
/// or later, call [`poll_delivery`](Self::poll_delivery) until it returns `None`. Deliveries are ordered by
/// instant, then by offer.
#[derive(Debug)]
pub struct Link<P> {
    mtu: usize,
    impairments: Impairments,
    bottleneck: Bottleneck,
    propagation: Propagation,
    in_flight: InFlight<P>,
    latest_offer: Time,
    counters: Counters,
}

impl<P: Clone> Link<P> {
    /// A link with the properties of `spec`, which draws from the generators of `seed` and `direction`.
    ///
    /// `spec` must have passed [`LinkSpec::validate`]; it is not checked again.
    pub fn new(spec: LinkSpec, seed: u64, direction: Direction) -> Self {
        Self {
            mtu: usize::from(spec.mtu),
            impairments: Impairments::new(&spec, seed, direction),
            bottleneck: Bottleneck::new(spec.rate, spec.queue),
            propagation: Propagation::new(nanos(spec.delay), spec.keep_order),
            in_flight: InFlight::new(),
            latest_offer: Time::ZERO,
            counters: Counters::default(),
        }
    }

    /// Offers a packet of `ip_bytes`, IP header included, at `now`.
    ///
    /// If `now` is before an earlier offer, the instant of that offer counts.
    pub fn enqueue(&mut self, now: Time, ip_bytes: usize, packet: P) -> Verdict {
        self.latest_offer = self.latest_offer.max(now);
        self.counters.packets += 1;
        self.counters.bytes = self.counters.bytes.saturating_add(ip_bytes as u64);
        let draws = self.impairments.draw();
        let Some(bytes) = u16::try_from(ip_bytes).ok().filter(|_| ip_bytes <= self.mtu) else {
            self.counters.too_large += 1;
            return Verdict::TooLarge;
        };
        let Some(departs) = self.bottleneck.admit(self.latest_offer, bytes) else {
            self.counters.queue_dropped += 1;
            return Verdict::QueueFull;
        };
        if self.impairments.loss.serialised(departs) || draws.lost {
            self.counters.lost += 1;
            return Verdict::Lost;
        }
        let Arrival { at, overtaking, copy_at } = self.propagation.arrival(departs, &draws);
        let corrupt = draws.corrupt;
        self.counters.reordered += u64::from(overtaking);
        self.counters.corrupted += u64::from(corrupt.is_some());
        self.counters.duplicated += u64::from(copy_at.is_some());
        let copy = copy_at.map(|copy_at| Delivered {
            at: copy_at,
            packet: packet.clone(),
            corrupt: None,
            copy: true,
            more: copy_at < at,
        });
        let more = copy_at.is_some_and(|copy_at| copy_at >= at);
        self.in_flight.push(Delivered { at, packet, corrupt, copy: false, more });
        copy.into_iter().for_each(|copy| self.in_flight.push(copy));
        Verdict::Deliver { departs, at, corrupt, overtaking, duplicate_at: copy_at }
    }
}

impl<P> Link<P> {
    /// The next packet that has arrived by `now`.
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivered<P>> {
        let delivered = self.in_flight.pop(now)?;
        self.counters.delivered += 1;
        Some(delivered)
    }

    /// When the next packet arrives; `None` if no packet is in flight.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.in_flight.next_due()
    }

    /// Packets and copies that are queued or propagating.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Counts since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests;
