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
//!     link::{Event, Link, LinkSpec},
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
//! let Some(Event::Delivered(delivered)) = link.poll(due) else { panic!("nothing was lost") };
//! assert_eq!(delivered.packet, "a packet");
//! ```

mod columns;
mod counters;
mod error;
mod events;
mod impairments;
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
use events::Events;
use impairments::Impairments;
use propagation::{Arrival, Propagation};
use queue::Bottleneck;

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<P> {
    /// It arrived.
    Delivered(Delivered<P>),
    /// It was dropped.
    Dropped(Dropped<P>),
}

/// A packet that does not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped<P> {
    /// When it was dropped: at its offer, as it left the queue, or on the wire.
    pub at: Time,
    /// The packet, as it was offered.
    pub packet: P,
    /// Why.
    pub reason: DropReason,
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// Lost after the bottleneck, by a draw, a list or an outage.
    Lost,
    /// The queue of the bottleneck was full.
    QueueFull,
    /// Above the MTU.
    TooLarge,
}

/// A packet at the far end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered<P> {
    /// When it arrived.
    pub at: Time,
    /// When its last bit left the bottleneck.
    pub departs: Time,
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
/// or later, call [`poll`](Self::poll) until it returns `None`. Events are ordered by instant, then by offer. A
/// packet's fate may be decided at its offer, as it leaves the queue, or on the wire, so only an event tells it.
#[derive(Debug)]
pub struct Link<P> {
    mtu: usize,
    impairments: Impairments,
    bottleneck: Bottleneck,
    propagation: Propagation,
    events: Events<P>,
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
            events: Events::new(),
            latest_offer: Time::ZERO,
            counters: Counters::default(),
        }
    }

    /// Offers a packet of `ip_bytes`, IP header included, at `now`.
    ///
    /// If `now` is before an earlier offer, the instant of that offer counts.
    pub fn enqueue(&mut self, now: Time, ip_bytes: usize, packet: P) {
        let passage = self.pass(now, ip_bytes);
        self.schedule(passage, packet);
    }

    /// Takes the draws of a packet and decides its way through the link.
    fn pass(&mut self, now: Time, ip_bytes: usize) -> Passage {
        self.latest_offer = self.latest_offer.max(now);
        self.counters.packets += 1;
        self.counters.bytes = self.counters.bytes.saturating_add(ip_bytes as u64);
        let draws = self.impairments.draw();
        let dropped = |at, reason| Passage::Dropped { at, reason };
        let Some(bytes) = u16::try_from(ip_bytes).ok().filter(|_| self.carries(ip_bytes)) else {
            self.counters.too_large += 1;
            return dropped(self.latest_offer, DropReason::TooLarge);
        };
        let Some(departs) = self.bottleneck.admit(self.latest_offer, bytes) else {
            self.counters.queue_dropped += 1;
            return dropped(self.latest_offer, DropReason::QueueFull);
        };
        if self.impairments.loss.serialised(departs) || draws.lost {
            self.counters.lost += 1;
            return dropped(departs, DropReason::Lost);
        }
        let arrival = self.propagation.arrival(departs, &draws);
        self.counters.reordered += u64::from(arrival.overtaking);
        self.counters.corrupted += u64::from(draws.corrupt.is_some());
        self.counters.duplicated += u64::from(arrival.copy_at.is_some());
        Passage::Arrives { departs, arrival, corrupt: draws.corrupt }
    }

    fn schedule(&mut self, passage: Passage, packet: P) {
        match passage {
            Passage::Dropped { at, reason } => {
                self.events.push(Event::Dropped(Dropped { at, packet, reason }))
            }
            Passage::Arrives { departs, arrival: Arrival { at, copy_at, .. }, corrupt } => {
                let copy = copy_at.map(|copy_at| Delivered {
                    at: copy_at,
                    departs,
                    packet: packet.clone(),
                    corrupt: None,
                    copy: true,
                    more: copy_at < at,
                });
                let more = copy_at.is_some_and(|copy_at| copy_at >= at);
                self.events.push(Event::Delivered(Delivered {
                    at,
                    departs,
                    packet,
                    corrupt,
                    copy: false,
                    more,
                }));
                copy.into_iter().for_each(|copy| self.events.push(Event::Delivered(copy)));
            }
        }
    }
}

/// The way of a packet through the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    Arrives { departs: Time, arrival: Arrival, corrupt: Option<u64> },
    Dropped { at: Time, reason: DropReason },
}

impl<P> Link<P> {
    /// Whether a packet of `ip_bytes` is within the MTU.
    pub fn carries(&self, ip_bytes: usize) -> bool {
        ip_bytes <= self.mtu
    }

    /// The next event that is due by `now`.
    pub fn poll(&mut self, now: Time) -> Option<Event<P>> {
        let event = self.events.pop(now)?;
        self.counters.delivered += u64::from(matches!(event, Event::Delivered(_)));
        Some(event)
    }

    /// When the next event is due; `None` if no packet is on the link.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.events.next_due()
    }

    /// Counts since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests;
