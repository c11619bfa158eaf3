//! CoDel (RFC 8289): drops or marks when packets leave the queue, if even the shortest wait of an interval was above
//! the target.

use std::time::Duration;

use super::{
    Queued, Room,
    fifo::{Control, Decision},
};
use crate::unit::Time;

/// The parameters of CoDel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodelParameters {
    /// The acceptable wait in a standing queue (RFC 8289 section 4.3).
    pub target: Duration,
    /// The wait must exceed the target for this long before the first drop. About a round trip (section 4.2).
    pub interval: Duration,
}

impl Default for CodelParameters {
    fn default() -> Self {
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100) }
    }
}

/// CoDel, for one queue.
#[derive(Debug)]
pub(super) struct Codel {
    parameters: CodelParameters,
    mtu: u64,
    /// When the wait will have been above the target for an interval; `None` while it is below.
    first_above: Option<Time>,
    is_dropping: bool,
    /// When to drop next, while dropping.
    pub(super) drop_next: Time,
    /// Drops since dropping began.
    pub(super) count: u64,
    /// `count` when dropping began.
    last_count: u64,
    after: After,
}

/// The last decision at this instant of the transmitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// A packet was sent.
    Sent,
    /// A packet was dropped, and dropping began with it.
    FirstDrop,
    /// A packet was dropped because `drop_next` had passed.
    LaterDrop,
}

impl Codel {
    pub(super) fn new(parameters: CodelParameters, mtu: u16) -> Self {
        Self {
            parameters,
            mtu: mtu.into(),
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

    /// Decides on the packet at the head of the queue at `now`. `behind` is the number of bytes that wait behind it.
    pub(super) fn decide<P>(&mut self, now: Time, packet: &Queued<P>, behind: u64) -> Decision {
        let may_drop = self.may_drop(now, now.since(packet.offered), behind);
        let decision = match std::mem::replace(&mut self.after, After::Sent) {
            // The packet behind the first drop is sent, however long it waited.
            After::FirstDrop => return Decision::Pass,
            _ if !may_drop => {
                self.is_dropping = false;
                return Decision::Pass;
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
        match (decision, packet.can_be_marked) {
            (After::Sent, _) => Decision::Pass,
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

    /// RFC 8289 section 5.6, `dodequeue`. A queue of at most one full packet drops nothing.
    fn may_drop(&mut self, now: Time, sojourn: Duration, behind: u64) -> bool {
        if sojourn < self.parameters.target || behind <= self.mtu {
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

    /// Section 5.5: if dropping ended recently, it continues at about the drop rate that controlled the queue then.
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

impl Control for Codel {
    fn on_dequeue<P>(&mut self, now: Time, head: Option<&Queued<P>>, room: &Room) -> Decision {
        if let Some(packet) = head {
            self.decide(now, packet, room.bytes() - u64::from(packet.bytes))
        } else {
            self.on_empty();
            Decision::Pass
        }
    }
}
