//! What one run has shown.

use std::time::Duration;

use crate::{
    link::Counters,
    stats::Histogram,
    time::{Time, nanos},
    transport::{Delivery, Recovery},
    wire::MessageId,
};

/// The figures of one run: one transport, one workload, one seed.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Messages of the measured time, counted.
    pub messages: Messages,
    /// From the scheduled instant to the reply's release, of delivered messages, in nanoseconds.
    pub latency: Histogram,
    /// From the scheduled to the real instant of sending, in nanoseconds.
    pub send_delay: Histogram,
    /// What order did.
    pub order: OrderFigures,
    /// From nothing to a connection that can carry messages; `None` if there never was one.
    pub connect: Option<Duration>,
    /// What the client's end did to recover from loss, over the whole run.
    pub client: Recovery,
    /// The same of the server's end.
    pub server: Recovery,
    /// What the wire did in the measured time and after it, to the server and to the client; `None` where
    /// the path is not ours.
    pub wire: Option<[Counters; 2]>,
}

/// Messages of the measured time. `scheduled = delivered + lost + unfinished`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Messages {
    /// That were due.
    pub scheduled: u64,
    /// That were handed to the transport.
    pub sent: u64,
    /// Whose reply came back intact.
    pub delivered: u64,
    /// Whose reply came back within the deadline.
    pub on_time: u64,
    /// That a datagram transport did not bring back.
    pub lost: u64,
    /// That a reliable transport had not brought back when patience ended.
    pub unfinished: u64,
    /// Replies that came a second time.
    pub duplicated: u64,
    /// That came back after one that was sent later (RFC 4737).
    pub reordered: u64,
    /// Requests and replies that arrived with changed bits, and were thrown away.
    pub corrupted: u64,
}

/// What order did to messages that lay complete at their receiver.
#[derive(Debug, Clone, Default)]
pub struct OrderFigures {
    /// Messages blocked in at least one direction.
    pub blocked: u64,
    /// Those of them that waited for another flow's message.
    pub by_other_flow: u64,
    /// How long each blocked message was held, both directions added, in nanoseconds.
    pub wait: Histogram,
    /// The same for each direction alone: to the server, to the client.
    pub directions: [Histogram; 2],
    /// The longest time that something was held, and how many messages were.
    pub longest_stall: Option<Stall>,
}

/// One episode of head-of-line blocking: messages held until one more arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// From the arrival of the first message that was held to their release.
    pub duration: Duration,
    /// How many were held.
    pub messages: u64,
}

/// How long order held a message, in each direction, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits([Option<Held>; 2]);

#[derive(Debug, Clone, Copy)]
struct Held {
    wait: Duration,
    by_other_flow: bool,
}

impl Waits {
    pub(super) fn of(at_server: Option<&Delivery>, at_client: &Delivery) -> Self {
        Self([at_server.and_then(Held::of), Held::of(at_client)])
    }
}

impl Held {
    fn of(delivery: &Delivery) -> Option<Self> {
        let blocker = delivery.blocked_by?;
        Some(Self {
            wait: delivery.released - delivery.arrived?,
            by_other_flow: blocker.flow != delivery.probe.id.flow,
        })
    }
}

impl OrderFigures {
    pub(super) fn note(&mut self, waits: &Waits) {
        let mut total = None::<Duration>;
        for (held, histogram) in waits.0.iter().zip(&mut self.directions) {
            if let Some(held) = held {
                histogram.record(nanos(held.wait));
                total = Some(total.unwrap_or_default() + held.wait);
            }
        }
        if let Some(total) = total {
            self.blocked += 1;
            self.by_other_flow += u64::from(waits.0.iter().flatten().any(|held| held.by_other_flow));
            self.wait.record(nanos(total));
        }
    }
}

/// Groups the messages that one arrival releases.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StallTracker {
    current: Option<(MessageId, Time, Stall)>,
}

impl StallTracker {
    /// Takes in a delivery of one direction; returns the stall that it belongs to, as far as it is known.
    pub(super) fn note(&mut self, delivery: &Delivery) -> Option<Stall> {
        let blocker = delivery.blocked_by?;
        let wait = delivery.released - delivery.arrived?;
        let stall = match self.current {
            Some((id, released, stall)) if (id, released) == (blocker, delivery.released) => {
                Stall { duration: stall.duration.max(wait), messages: stall.messages + 1 }
            }
            _ => Stall { duration: wait, messages: 1 },
        };
        self.current = Some((blocker, delivery.released, stall));
        Some(stall)
    }
}
