//! What order did to messages that lay complete at their receiver.

use std::time::Duration;

use crate::{
    channel::{Cause, Delivery},
    stats::Histogram,
    unit::{Time, nanos},
    wire::MessageId,
};

/// Messages that order held, in one direction or in either.
#[derive(Debug, Clone, Default)]
pub struct OrderFigures {
    /// How many. Over both directions a message counts once.
    pub blocked: u64,
    /// Those of them that waited for another flow's message.
    pub by_other_flow: u64,
    /// Those whose cause the path knows, by cause. A message that was blocked both ways counts for the cause of
    /// its longer wait.
    pub by_cause: ByCause,
    /// How long each was held, in nanoseconds; over both directions, both waits added.
    pub wait: Histogram,
    /// The longest time that something was held, and how many messages were.
    pub longest_stall: Option<Stall>,
}

/// Blocked messages by what became of the bytes that they waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByCause {
    /// A copy of them was dropped.
    pub loss: u64,
    /// They were overtaken.
    pub reorder: u64,
    /// They were sent later.
    pub sender: u64,
}

impl ByCause {
    fn count(&mut self, cause: Cause) {
        *match cause {
            Cause::Loss => &mut self.loss,
            Cause::Reorder => &mut self.reorder,
            Cause::Sender => &mut self.sender,
        } += 1;
    }
}

/// One episode of head-of-line blocking: messages held until one more arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// From the arrival of the first message that was held to their release.
    pub duration: Duration,
    /// How many were held.
    pub messages: u64,
}

/// How long order held a message in one direction, and for whom.
#[derive(Debug, Clone, Copy)]
pub(in crate::experiment) struct Held {
    wait: Duration,
    by_other_flow: bool,
    cause: Option<Cause>,
}

impl Held {
    pub(in crate::experiment) fn of(delivery: &Delivery) -> Option<Self> {
        let blocker = delivery.blocked_by?;
        Some(Self {
            wait: delivery.released - delivery.arrived?,
            by_other_flow: blocker.flow != delivery.probe.id.flow,
            cause: delivery.cause,
        })
    }

    /// Both directions as one.
    pub(in crate::experiment) fn either(there: Option<Self>, back: Option<Self>) -> Option<Self> {
        let (Some(there), Some(back)) = (there, back) else {
            return there.or(back);
        };
        let longer = if back.wait > there.wait { back } else { there };
        Some(Self {
            wait: there.wait + back.wait,
            by_other_flow: there.by_other_flow || back.by_other_flow,
            cause: longer.cause,
        })
    }
}

impl OrderFigures {
    pub(in crate::experiment) fn note(&mut self, held: Option<Held>) {
        let Some(held) = held else { return };
        self.blocked += 1;
        self.by_other_flow += u64::from(held.by_other_flow);
        held.cause.into_iter().for_each(|cause| self.by_cause.count(cause));
        self.wait.record(nanos(held.wait));
    }

    pub(in crate::experiment) fn note_stall(&mut self, stall: Stall) {
        if self.longest_stall.is_none_or(|longest| stall.duration >= longest.duration) {
            self.longest_stall = Some(stall);
        }
    }
}

/// Groups the messages that one arrival releases.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::experiment) struct StallTracker {
    current: Option<(MessageId, Time, Stall)>,
}

impl StallTracker {
    /// Takes in a delivery of one direction; returns the stall that it belongs to, as far as it is known.
    pub(in crate::experiment) fn note(&mut self, delivery: &Delivery) -> Option<Stall> {
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
