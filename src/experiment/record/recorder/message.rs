//! A message that has not been settled yet.

use crate::{
    channel::Delivery,
    experiment::{
        record::{
            AtServer,
            observe::{Sample, Status},
        },
        workload::Scheduled,
    },
    stats::Arrival,
    unit::Time,
    wire::MessageId,
};

/// A message that was handed to the transport.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) scheduled: Scheduled,
    pub(super) sent: Time,
    /// Set once the request is known to have reached the server, until the message has settled. In a box, because a
    /// run may have millions of messages under way.
    pub(super) at_server: Option<Box<Arrivals>>,
    /// Whether it reached a remote server; `None` if that has not been reported.
    pub(super) reached: Option<bool>,
    pub(super) settled: bool,
}

/// The arrivals of a request at the server: a wire makes at most one copy of a datagram, and the server answers both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrivals {
    pub(super) first: AtServer,
    pub(super) second: Option<AtServer>,
    /// The place of the first among all requests there.
    pub(super) place: Arrival,
}

impl Arrivals {
    /// The request that `reply` answers: the last that was answered before the reply was on its way.
    pub(super) fn answered_by(&self, reply: &Delivery) -> &AtServer {
        let entered = reply.entered.map(|entered| entered.first);
        let is_answered = |second: &&AtServer| entered.is_some_and(|entered| second.replied <= entered);
        self.second.as_ref().filter(is_answered).unwrap_or(&self.first)
    }
}

impl Message {
    pub(super) fn new(scheduled: Scheduled, sent: Time) -> Self {
        Self { scheduled, sent, at_server: None, reached: None, settled: false }
    }

    /// What is known of a message that has not come back.
    pub(super) fn sample(&self, id: MessageId, status: Status) -> Sample {
        Sample {
            id,
            due: self.scheduled.due,
            sent: Some(self.sent),
            server: self.at_server.as_ref().map(|arrivals| arrivals.first.delivery),
            client: None,
            budget: None,
            status,
        }
    }
}
