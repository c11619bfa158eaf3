//! Where the time of a message went.

use std::{iter::Sum, ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{channel::Delivery, experiment::record::AtServer, unit::Time};

/// The parts of a message's latency, both directions added. They add up to it exactly.
///
/// In each direction, `b` is the message's byte that arrives last (of several that arrive together, the one with the
/// highest offset). Its instants: *handed over* (a request's scheduled instant, or when the server sends the reply),
/// *first entered* the wire, the copy that arrived *entered*, *arrived*, and *released* by order.
///
/// A slow application counts as `host` only: a message arrives when it reaches its host, and is released when the
/// application could read it. `host` is the server's delay from there to its reply. The client has none, because
/// latency ends at the reply's release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// From handed over to first entered: the schedule's error, credit, window, pacing, and earlier packets of the
    /// message.
    pub send_wait: Duration,
    /// From entered to arrived: queue, serialisation, propagation, jitter.
    pub path: Duration,
    /// The queue's share of `path`, which contains it: from entered until the link began to transmit the packet.
    pub queue: Duration,
    /// From first entered to entered again: detecting a loss and retransmitting.
    pub recovery: Duration,
    /// From arrived to released: the wait of a complete message for earlier bytes.
    pub order_wait: Duration,
    /// From the request's release to the reply's hand-over; zero in virtual time.
    pub host: Duration,
}

impl Budget {
    /// The budget of a message that was due at `due`, reached the server as `request` says, and came back with
    /// `reply`. `None` where the path could not know an instant.
    pub fn of(due: Time, request: &AtServer, reply: &Delivery) -> Option<Self> {
        let there = Self::one_way(due, &request.delivery)?;
        let back = Self::one_way(request.replied, reply)?;
        let host = request.replied - request.delivery.released;
        Some(there + back + Self { host, ..Self::default() })
    }

    /// The parts of one direction.
    pub(super) fn one_way(handed_over: Time, delivery: &Delivery) -> Option<Self> {
        let (arrived, entered) = (delivery.arrived?, delivery.entered?);
        Some(Self {
            send_wait: entered.first - handed_over,
            recovery: entered.copy - entered.first,
            path: arrived - entered.copy,
            queue: entered.queued.min(arrived - entered.copy),
            order_wait: delivery.released - arrived,
            host: Duration::ZERO,
        })
    }

    /// All parts together: the latency.
    pub fn total(&self) -> Duration {
        self.send_wait + self.path + self.extra() + self.host
    }

    /// The cost of loss and order. A message is delayed if it is above zero.
    pub fn extra(&self) -> Duration {
        self.recovery + self.order_wait
    }

    /// The parts in the order of the fields.
    pub fn parts(&self) -> [Duration; 5] {
        [self.send_wait, self.path, self.recovery, self.order_wait, self.host]
    }
}

impl Add for Budget {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            send_wait: self.send_wait + other.send_wait,
            path: self.path + other.path,
            queue: self.queue + other.queue,
            recovery: self.recovery + other.recovery,
            order_wait: self.order_wait + other.order_wait,
            host: self.host + other.host,
        }
    }
}

impl Sum for Budget {
    fn sum<I: Iterator<Item = Self>>(budgets: I) -> Self {
        budgets.fold(Self::default(), Add::add)
    }
}

/// The budgets of many messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSums {
    /// Messages whose budget is known.
    pub n: u64,
    /// The exact sum of each part in nanoseconds, in the order of [`Budget::parts`].
    pub parts: [u128; 5],
    /// The exact sum of the queue's share of `path` in nanoseconds.
    pub queue: u128,
}

impl BudgetSums {
    /// Adds a message.
    pub fn add(&mut self, budget: &Budget) {
        self.n += 1;
        for (sum, part) in self.parts.iter_mut().zip(budget.parts()) {
            *sum += part.as_nanos();
        }
        self.queue += budget.queue.as_nanos();
    }

    /// Adds the sums of another.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        for (sum, part) in self.parts.iter_mut().zip(other.parts) {
            *sum += part;
        }
        self.queue += other.queue;
    }
}
