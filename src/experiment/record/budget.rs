//! Where the time of a message went.

use std::{iter::Sum, ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    channel::Delivery,
    experiment::record::AtServer,
    unit::{Time, nanos},
};

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
        Some(Parts::of(due, request, reply)?.into())
    }

    /// All parts together: the latency.
    pub fn total(&self) -> Duration {
        self.send_wait + self.path + self.extra() + self.host
    }

    /// The cost of loss and order. A message is delayed if it is above zero.
    pub fn extra(&self) -> Duration {
        self.recovery + self.order_wait
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

/// A [`Budget`] in nanoseconds, in which it is cheaper to add up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    send_wait: u64,
    path: u64,
    queue: u64,
    recovery: u64,
    order_wait: u64,
    host: u64,
}

impl Parts {
    /// See [`Budget::of`].
    pub(super) fn of(due: Time, request: &AtServer, reply: &Delivery) -> Option<Self> {
        let there = Self::one_way(due, &request.delivery)?;
        let back = Self::one_way(request.replied, reply)?;
        Some(Self {
            send_wait: there.send_wait + back.send_wait,
            path: there.path + back.path,
            queue: there.queue + back.queue,
            recovery: there.recovery + back.recovery,
            order_wait: there.order_wait + back.order_wait,
            host: request.replied.nanos_since(request.delivery.released),
        })
    }

    /// The parts of one direction.
    pub(super) fn one_way(handed_over: Time, delivery: &Delivery) -> Option<Self> {
        let (arrived, entered) = (delivery.arrived?, delivery.entered?);
        let path = arrived.nanos_since(entered.copy);
        Some(Self {
            send_wait: entered.first.nanos_since(handed_over),
            recovery: entered.copy.nanos_since(entered.first),
            path,
            queue: nanos(entered.queued).min(path),
            order_wait: delivery.released.nanos_since(arrived),
            host: 0,
        })
    }

    /// See [`Budget::extra`].
    pub(super) fn extra(&self) -> u64 {
        self.recovery + self.order_wait
    }
}

impl From<Parts> for Budget {
    fn from(parts: Parts) -> Self {
        Self {
            send_wait: Duration::from_nanos(parts.send_wait),
            path: Duration::from_nanos(parts.path),
            queue: Duration::from_nanos(parts.queue),
            recovery: Duration::from_nanos(parts.recovery),
            order_wait: Duration::from_nanos(parts.order_wait),
            host: Duration::from_nanos(parts.host),
        }
    }
}

/// The budgets of many messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSums {
    /// Messages whose budget is known.
    pub n: u64,
    /// The exact sum of each part but the queue's in nanoseconds, in the order of [`Budget`]'s fields.
    pub parts: [u128; 5],
    /// The exact sum of the queue's share of `path` in nanoseconds.
    pub queue: u128,
}

impl BudgetSums {
    /// Adds a message.
    pub(super) fn add(&mut self, message: &Parts) {
        self.n += 1;
        let Parts { send_wait, path, queue, recovery, order_wait, host } = *message;
        for (sum, part) in self.parts.iter_mut().zip([send_wait, path, recovery, order_wait, host]) {
            *sum += u128::from(part);
        }
        self.queue += u128::from(queue);
    }

    /// Adds the sums of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.n += other.n;
        for (sum, part) in self.parts.iter_mut().zip(other.parts) {
            *sum += part;
        }
        self.queue += other.queue;
    }
}
