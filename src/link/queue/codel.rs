//! CoDel (RFC 8289): drops or marks when packets leave the queue, if even the shortest wait of an interval was above the
//! target.

use std::{collections::VecDeque, fmt, time::Duration};

use super::{Capacity, Queue, Queued, Room};
use crate::unit::Time;

/// The parameters of CoDel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodelParameters {
    /// The wait that a standing queue may cause (RFC 8289 section 4.3).
    pub target: Duration,
    /// How long packets must have waited for longer than that before the first drop: a round trip (section 4.2).
    pub interval: Duration,
}

impl Default for CodelParameters {
    fn default() -> Self {
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100) }
    }
}

/// When to drop the packet at the head of a queue: the control law of RFC 8289, without the queue.
#[derive(Debug)]
pub(super) struct Control {
    parameters: CodelParameters,
    /// When the wait has been above the target for an interval; `None` while it is below.
    first_above: Option<Time>,
    is_dropping: bool,
    /// When to drop next, while dropping.
    drop_next: Time,
    /// Drops since dropping began.
    count: u64,
    /// `count` when dropping began.
    last_count: u64,
    after: After,
}

/// What the last call decided, if the transmitter has not moved on since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// A packet was sent.
    Sent,
    /// A packet was dropped, and dropping began with it.
    FirstDrop,
    /// A packet was dropped because `drop_next` had passed.
    LaterDrop,
}

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Send,
    Mark,
    Drop,
}

impl Control {
    pub(super) fn new(parameters: CodelParameters) -> Self {
        Self {
            parameters,
            first_above: None,
            is_dropping: false,
            drop_next: Time::ZERO,
            count: 0,
            last_count: 0,
            after: After::Sent,
        }
    }

    /// No packet waits at `now`.
    pub(super) fn on_empty(&mut self) {
        self.first_above = None;
        self.is_dropping = false;
        self.after = After::Sent;
    }

    /// Decides on the packet at the head of the queue, which waited for `sojourn` until `now`. `is_last`: no more than
    /// one full packet waits behind it. `can_mark`: it may be marked instead of being dropped.
    pub(super) fn decide(&mut self, now: Time, sojourn: Duration, is_last: bool, can_mark: bool) -> Decision {
        let may_drop = self.may_drop(now, sojourn, is_last);
        let decision = match std::mem::replace(&mut self.after, After::Sent) {
            // The packet behind the first drop is sent whatever its wait.
            After::FirstDrop => return Decision::Send,
            _ if !may_drop => {
                self.is_dropping = false;
                return Decision::Send;
            }
            After::LaterDrop => {
                self.drop_next = self.control_law(self.drop_next);
                self.next_drop(now)
            }
            After::Sent if self.is_dropping => self.next_drop(now),
            After::Sent => {
                self.begin_dropping(now);
                After::FirstDrop
            }
        };
        match (decision, can_mark) {
            (After::Sent, _) => Decision::Send,
            (after, true) => {
                // A marked packet is sent, so nothing follows it at this instant.
                if after == After::LaterDrop {
                    self.drop_next = self.control_law(self.drop_next);
                }
                Decision::Mark
            }
            (after, false) => {
                self.after = after;
                Decision::Drop
            }
        }
    }

    /// RFC 8289 section 5.6, `dodequeue`.
    fn may_drop(&mut self, now: Time, sojourn: Duration, is_last: bool) -> bool {
        if sojourn < self.parameters.target || is_last {
            self.first_above = None;
            return false;
        }
        let first_above = *self.first_above.get_or_insert(now + self.parameters.interval);
        now >= first_above
    }

    /// Drops if it is time to, while dropping.
    fn next_drop(&mut self, now: Time) -> After {
        if now < self.drop_next {
            return After::Sent;
        }
        self.count += 1;
        After::LaterDrop
    }

    /// Section 5.5: if dropping ended not long ago, it goes on at about the rate that controlled the queue then.
    fn begin_dropping(&mut self, now: Time) {
        self.is_dropping = true;
        let delta = self.count - self.last_count;
        let is_recent = now.since(self.drop_next) < self.parameters.interval * 16;
        self.count = if delta > 1 && is_recent { delta } else { 1 };
        self.last_count = self.count;
        self.drop_next = self.control_law(now);
    }

    /// `interval / sqrt(count)` after `time`.
    fn control_law(&self, time: Time) -> Time {
        let gap = self.parameters.interval.as_nanos() as f64 / libm::sqrt(self.count as f64);
        time + Duration::from_nanos(libm::round(gap) as u64)
    }
}

/// A queue with one [`Control`].
#[derive(Debug)]
pub(super) struct Codel<P> {
    control: Control,
    waiting: VecDeque<Queued<P>>,
    room: Room,
    mtu: u64,
}

impl<P> Codel<P> {
    pub(super) fn new(parameters: CodelParameters, capacity: Capacity, mtu: u16) -> Self {
        let (waiting, room) = (VecDeque::new(), Room::new(capacity));
        Self { control: Control::new(parameters), waiting, room, mtu: mtu.into() }
    }
}

impl<P: fmt::Debug + Send> Queue<P> for Codel<P> {
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Queued<P>> {
        if !self.room.fits(packet.offered, packet.bytes) {
            return Err(packet);
        }
        self.room.add(packet.bytes);
        self.waiting.push_back(packet);
        Ok(())
    }

    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<P>, Queued<P>>> {
        let Some(mut packet) = self.waiting.pop_front() else {
            self.control.on_empty();
            return None;
        };
        self.room.remove(packet.bytes);
        let is_last = self.room.bytes() <= self.mtu;
        Some(match self.control.decide(now, now.since(packet.offered), is_last, packet.can_be_marked) {
            Decision::Drop => Err(packet),
            Decision::Mark => {
                packet.marked = true;
                Ok(packet)
            }
            Decision::Send => Ok(packet),
        })
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        self.room.transmit(bytes, departs);
    }
}
