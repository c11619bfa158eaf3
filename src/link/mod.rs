//! One direction of the emulated link. It is seeded and reads no clock.
//!
//! A packet passes, in this order:
//!
//! 1. the MTU: a larger packet is refused;
//! 2. the queue of the bottleneck;
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
//! let spec: LinkSpec = "delay=25ms,rate=12mbit,queue=128KB".parse().unwrap();
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
mod corrupt;
mod counters;
mod duplicate;
mod ecn;
mod effects;
mod error;
mod event;
mod events;
mod inject;
mod jitter;
mod loss;
mod mtu;
mod options;
mod preset;
mod propagation;
mod properties;
mod property;
mod queue;
mod random;
mod reorder;
mod replay;
mod settings;
mod shaper;
mod spec;

pub use counters::Counters;
pub use ecn::EcnFault;
pub use error::{SpecError, ValueError};
pub use event::{Delivered, DropReason, Dropped, EcnChange, Event, QueueVisit};
pub use jitter::{Jitter, JitterShape};
pub use loss::{GilbertElliott, Loss, LossBy};
pub use options::{LinkOptions, LinkOptionsError};
pub use preset::Preset;
pub(crate) use properties::obstacle;
pub use properties::{LinkSpec, PROPERTIES};
pub(crate) use property::{Column, Obstacle, Word};
pub use property::{Property, Takes};
#[cfg(test)]
pub(crate) use queue::broken;
pub use queue::{
    Aqm, CodelParameters, FlowId, FqCodelParameters, PieParameters, QueueLimit, RedParameters, resolve_queues,
};
pub use settings::{LinkSettings, Setting};
pub use shaper::{CELLULAR_SLOT, OPPORTUNITY_BYTES, RateProfile, SAWTOOTH_STEPS, Trace};

use std::fmt;

use crate::unit::{Direction, Time};
use effects::{Draws, Effects, Generators};
use events::Events;
use propagation::{Arrival, Propagation};
use queue::{Queue, Queued, Refused};
use shaper::{Shaper, Transmission};

/// What the properties of a link may depend on in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketTraits {
    /// Whether it is a UDP datagram. Only those are forged.
    pub is_udp: bool,
    /// Whether its transport is ECN-capable: its ECN field is ECT(0), ECT(1) or CE. Only such packets are marked.
    pub is_ect: bool,
    /// Its flow. Packets without one share a queue.
    pub flow: Option<FlowId>,
}

impl Default for PacketTraits {
    /// A UDP datagram of no flow that cannot be marked.
    fn default() -> Self {
        Self { is_udp: true, is_ect: false, flow: None }
    }
}

/// One direction of a link.
///
/// It does not look into packets: their content, with the ECN field, comes out unchanged.
///
/// How to drive it: [`enqueue`](Self::enqueue) each packet that is sent. At [`poll_timeout`](Self::poll_timeout) or
/// later, call [`poll`](Self::poll) until it returns `None`. Events are ordered by instant, then by offer. A packet's
/// fate may be decided at its offer, when it leaves the queue, or on the wire. Only its event reports the fate.
#[derive(Debug)]
pub struct Link<P> {
    mtu: usize,
    effects: Effects,
    queue: Box<dyn Queue<P>>,
    /// Packets in the queue.
    queued: usize,
    /// Whether the queue marks packets.
    ecn: bool,
    /// Whether a property depends on the traits of packets.
    needs_traits: bool,
    ecn_fault: Option<EcnFault>,
    flow_key: Option<u64>,
    /// `None` if packets take no time to serialise.
    shaper: Option<Box<dyn Shaper>>,
    propagation: Propagation,
    events: Events<P>,
    latest_offer: Time,
    /// When the transmitter takes the next packet in the queue, if there is one.
    next_start: Time,
    counters: Counters,
}

impl<P: Clone + fmt::Debug + Send + 'static> Link<P> {
    /// A link with the properties of `spec`, which draws from the generators of `seed` and `direction`.
    ///
    /// `spec` must have passed [`LinkSpec::validate`]; it is not checked again.
    pub fn new(spec: LinkSpec, seed: u64, direction: Direction) -> Self {
        let queue = queue::of(&spec);
        Self::with_queue(spec, seed, direction, queue)
    }
}

impl<P> Link<P> {
    /// A link with this queue in place of that of `spec`.
    fn with_queue(spec: LinkSpec, seed: u64, direction: Direction, queue: Box<dyn Queue<P>>) -> Self {
        let mut generators = Generators::new(seed, direction);
        Self {
            mtu: usize::from(spec.mtu),
            effects: Effects::new(&spec, &mut generators),
            queue,
            queued: 0,
            ecn: spec.ecn,
            needs_traits: spec.uses_ecn() || matches!(spec.aqm, Aqm::FqCodel(_)),
            ecn_fault: spec.ecn_fault,
            flow_key: queue::flow_key(&spec, &mut generators),
            shaper: shaper::of(&spec, &mut generators),
            propagation: Propagation::new(&spec),
            events: Events::new(),
            latest_offer: Time::ZERO,
            next_start: Time::ZERO,
            counters: Counters::default(),
        }
    }
}

impl<P: Clone> Link<P> {
    /// Offers a packet of `ip_bytes`, IP header included, at `now`.
    ///
    /// If `now` is before an earlier offer, the instant of that offer counts.
    pub fn enqueue(&mut self, now: Time, ip_bytes: usize, packet: P) {
        self.enqueue_known(now, ip_bytes, packet, |_| PacketTraits::default());
    }

    /// Like [`enqueue`](Self::enqueue), for packets with traits. `describe` is called only if a property of the link
    /// depends on them.
    pub fn enqueue_known(
        &mut self,
        now: Time,
        ip_bytes: usize,
        packet: P,
        describe: impl FnOnce(&P) -> PacketTraits,
    ) {
        let offered = self.latest_offer.max(now);
        // Packets that were due before this offer leave first, even if the link is driven late.
        self.transmit(offered);
        self.latest_offer = offered;
        self.counters.packets += 1;
        self.counters.bytes = self.counters.bytes.saturating_add(ip_bytes as u64);
        let mut draws = self.effects.draw();
        let traits = if self.needs_traits || draws.injected.is_some() {
            describe(&packet)
        } else {
            PacketTraits::default()
        };
        draws.injected = draws.injected.filter(|_| traits.is_udp);
        let Some(bytes) = u16::try_from(ip_bytes).ok().filter(|_| self.carries(ip_bytes)) else {
            self.counters.too_large += 1;
            let (reason, queue) = (DropReason::TooLarge, QueueVisit::default());
            return self.events.push(Event::Dropped(Dropped { at: offered, packet, reason, queue }));
        };
        if self.shaper.is_none() {
            // Packets take no time to serialise, so none waits.
            let passage = self.pass(offered, draws, QueueVisit::default(), traits.is_ect);
            return self.schedule(passage, packet);
        }
        let PacketTraits { flow, is_ect, .. } = traits;
        let flow = flow.zip(self.flow_key).map_or(0, |(flow, key)| flow.hash(key));
        let can_be_marked = is_ect && self.ecn;
        let queued = Queued { packet, bytes, offered, draws, flow, is_ect, can_be_marked, marked: false };
        match self.queue.enqueue(queued) {
            Ok(()) => self.queued += 1,
            Err(refused) => {
                self.drop_from_queue(offered, refused);
                while let Some(packet) = self.queue.surplus(offered) {
                    self.queued -= 1;
                    self.drop_from_queue(offered, Refused { packet, reason: DropReason::QueueFull });
                }
            }
        }
        self.transmit(now);
    }

    fn drop_from_queue(&mut self, at: Time, Refused { packet: dropped, reason }: Refused<P>) {
        self.counters.queue_dropped += 1;
        self.counters.aqm_dropped += u64::from(reason == DropReason::Aqm);
        let queue = QueueVisit { delay: at.since(dropped.offered), marked: dropped.marked };
        let packet = dropped.packet;
        self.events.push(Event::Dropped(Dropped { at, packet, reason, queue }));
    }

    /// Transmits the packets that leave the queue by `now`.
    #[inline]
    fn transmit(&mut self, now: Time) {
        if self.queued > 0 {
            self.transmit_queued(now);
        }
    }

    fn transmit_queued(&mut self, now: Time) {
        while self.queued > 0 {
            // The transmitter was free at the latest offer, or will be later.
            let latest = self.latest_offer;
            let starts = self.shaper.as_mut().map_or(latest, |shaper| shaper.next_start(latest));
            self.next_start = starts;
            if starts > now && !self.queue.decides_at_offer() {
                return;
            }
            let Some(decided) = self.queue.dequeue(starts) else { return };
            self.queued -= 1;
            match decided {
                Ok(Queued { packet, bytes, offered, draws, marked, is_ect, .. }) => {
                    let Transmission { starts, departs } = self.serialise(offered, bytes);
                    let queue = QueueVisit { delay: starts.since(offered), marked };
                    let passage = self.pass(departs, draws, queue, is_ect);
                    self.schedule(passage, packet);
                }
                Err(packet) => self.drop_from_queue(starts, Refused { packet, reason: DropReason::Aqm }),
            }
        }
    }

    /// When the first and the last bit of a packet are sent.
    fn serialise(&mut self, offered: Time, bytes: u16) -> Transmission {
        let Some(shaper) = &mut self.shaper else {
            return Transmission { starts: offered, departs: offered };
        };
        let transmission = shaper.transmit(offered, bytes);
        self.queue.transmitted(bytes, transmission.departs);
        transmission
    }

    /// What happens to a packet after the bottleneck.
    fn pass(&mut self, departs: Time, mut draws: Draws, mut queue: QueueVisit, is_ect: bool) -> Passage {
        queue.marked |= is_ect && self.ecn_fault == Some(EcnFault::MarkAll);
        self.counters.marked += u64::from(queue.marked);
        self.effects.serialised(departs, &mut draws);
        if draws.lost {
            self.counters.lost += 1;
            return Passage::Dropped { at: departs, reason: DropReason::Lost, queue };
        }
        let ecn = match self.ecn_fault {
            Some(EcnFault::Bleach) if is_ect => EcnChange::Bleach,
            _ if queue.marked => EcnChange::Mark,
            _ => EcnChange::None,
        };
        self.counters.bleached += u64::from(ecn == EcnChange::Bleach);
        let arrival = self.propagation.arrival(departs, &draws);
        self.counters.reordered += u64::from(arrival.overtaking);
        self.counters.corrupted += u64::from(draws.corrupt.is_some());
        self.counters.duplicated += u64::from(arrival.copy_at.is_some());
        self.counters.replayed += u64::from(arrival.replay_at.is_some());
        self.counters.injected += u64::from(draws.injected.is_some());
        Passage::Arrives { departs, arrival, ecn, corrupt: draws.corrupt, injected: draws.injected, queue }
    }

    fn schedule(&mut self, passage: Passage, packet: P) {
        match passage {
            Passage::Dropped { at, reason, queue } => {
                self.events.push(Event::Dropped(Dropped { at, packet, reason, queue }))
            }
            Passage::Arrives {
                departs,
                arrival: Arrival { at, copy_at: None, replay_at: None, .. },
                ecn,
                corrupt,
                injected: None,
                queue,
            } => self.events.push(Event::Delivered(Delivered {
                at,
                departs,
                queue,
                ecn,
                packet,
                corrupt,
                forged: None,
                copy: false,
                more: false,
            })),
            Passage::Arrives { departs, arrival, ecn, corrupt, injected, queue } => {
                let Arrival { at, copy_at, replay_at, .. } = arrival;
                let later = |copy_at: Time| Delivered {
                    at: copy_at,
                    departs,
                    queue,
                    ecn,
                    packet: packet.clone(),
                    corrupt: None,
                    forged: None,
                    copy: true,
                    more: replay_at.is_some_and(|replay_at| copy_at < replay_at),
                };
                let copy = copy_at
                    .map(|copy_at| Delivered { more: copy_at < at || replay_at.is_some(), ..later(copy_at) });
                let replay = replay_at.map(later);
                let forgery = injected.map(|_| Delivered { at, forged: injected, more: true, ..later(at) });
                let more = copy_at.is_some_and(|copy_at| copy_at >= at) || replay_at.is_some();
                let packet =
                    Delivered { at, departs, queue, ecn, packet, corrupt, forged: None, copy: false, more };
                let mut push = |delivered| self.events.push(Event::Delivered(delivered));
                forgery.into_iter().for_each(&mut push);
                push(packet);
                copy.into_iter().for_each(&mut push);
                replay.into_iter().for_each(&mut push);
            }
        }
    }

    /// The next event that is due by `now`.
    pub fn poll(&mut self, now: Time) -> Option<Event<P>> {
        self.transmit(now);
        let event = self.events.pop(now)?;
        self.counters.delivered += u64::from(matches!(event, Event::Delivered(_)));
        Some(event)
    }
}

/// What happens to a packet after the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    Arrives {
        departs: Time,
        arrival: Arrival,
        ecn: EcnChange,
        corrupt: Option<u64>,
        injected: Option<u64>,
        queue: QueueVisit,
    },
    Dropped {
        at: Time,
        reason: DropReason,
        queue: QueueVisit,
    },
}

impl<P> Link<P> {
    /// Whether a packet of `ip_bytes` is within the MTU.
    pub(crate) fn carries(&self, ip_bytes: usize) -> bool {
        ip_bytes <= self.mtu
    }

    /// When to call [`poll`](Self::poll) next; `None` if no packet is on the link.
    pub fn poll_timeout(&self) -> Option<Time> {
        let leaves_queue = (self.queued > 0).then_some(self.next_start);
        self.events.next_due().into_iter().chain(leaves_queue).min()
    }

    /// Counts since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, time::Duration};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ms(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    /// Holds packets, and drops those that waited for longer than a limit when their turn comes.
    #[derive(Debug)]
    struct Impatient {
        limit: Duration,
        waiting: VecDeque<Queued<u64>>,
    }

    impl Queue<u64> for Impatient {
        fn enqueue(&mut self, packet: Queued<u64>) -> Result<(), Refused<u64>> {
            self.waiting.push_back(packet);
            Ok(())
        }

        fn dequeue(&mut self, now: Time) -> Option<Result<Queued<u64>, Queued<u64>>> {
            let packet = self.waiting.pop_front()?;
            Some(if now.since(packet.offered) > self.limit { Err(packet) } else { Ok(packet) })
        }

        fn transmitted(&mut self, _bytes: u16, _departs: Time) {}

        fn decides_at_offer(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_queue_may_drop_a_packet_when_its_turn_comes() {
        // 1 ms a packet. Four come at once; the first two wait for at most 1 ms, the others would wait for 2 ms.
        let spec: LinkSpec = "rate=9.6mbit,delay=10ms".parse().unwrap();
        let mut link = Link::new(spec, 1, Direction::ToServer);
        link.queue = Box::new(Impatient { limit: MS, waiting: VecDeque::new() });
        (1..=4).for_each(|number| link.enqueue(ms(0), 1200, number));
        let mut events = Vec::new();
        while let Some(due) = link.poll_timeout() {
            events.extend(std::iter::from_fn(|| link.poll(due)).map(|event| match event {
                Event::Delivered(delivered) => (delivered.packet, delivered.at, true),
                Event::Dropped(dropped) => (dropped.packet, dropped.at, false),
            }));
        }
        assert_eq!(events, [(3, ms(2), false), (4, ms(2), false), (1, ms(11), true), (2, ms(12), true)]);
        let counters = link.counters();
        assert_eq!((counters.packets, counters.delivered, counters.queue_dropped), (4, 2, 2));
        // An idle transmitter takes a packet at once, however late the link is polled.
        link.enqueue(ms(100), 1200, 5);
        link.enqueue(ms(100), 1200, 6);
        let arrivals = std::iter::from_fn(|| match link.poll(Time::MAX)? {
            Event::Delivered(delivered) => Some((delivered.packet, delivered.at)),
            Event::Dropped(dropped) => panic!("{dropped:?}"),
        });
        assert_eq!(arrivals.collect::<Vec<_>>(), [(5, ms(111)), (6, ms(112))]);
    }
}
