//! Head-of-line blocking: complete messages that waited for earlier ones.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    channel::{Cause, Delivery},
    stats::Histogram,
    unit::{Time, nanos},
    wire::MessageId,
};

/// Blocked messages, in one direction or in either.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OrderFigures {
    /// Blocked messages. Over both directions a message counts once.
    pub blocked: u64,
    /// Those that waited for another flow's message.
    pub by_other_flow: u64,
    /// Those with a known cause, by cause. A message blocked both ways counts for the cause of its longer wait.
    pub by_cause: ByCause,
    /// The wait of each, in nanoseconds; over both directions, their sum.
    pub wait: Histogram,
    /// The longest stall.
    pub longest_stall: Option<Stall>,
}

/// Blocked messages by why the bytes that they waited for were late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// From the arrival of the first blocked message to the release.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub duration: Duration,
    /// Blocked messages.
    pub messages: u64,
}

/// The wait of a blocked message in one direction.
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

    /// Both directions together.
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
    /// Adds a delivery of one direction; returns the stall that it belongs to, so far.
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
