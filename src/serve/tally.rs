//! What a server can say of a run that asks: what has reached it, in which order, and how long it took to answer.

use std::time::Duration;

use crate::{
    path::Host,
    stats::Sequence,
    unit::Time,
    wire::{Extension, MessageId, Probe, ReportRequest, ServerReport},
};

/// Requests of one run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    run: u64,
    sequence: Sequence,
    refused: u32,
}

/// When a request was there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Released {
    pub(super) at: Time,
    /// Since it was complete; `None` where that is hidden.
    pub(super) after: Option<Duration>,
    pub(super) blocked_by: Option<MessageId>,
}

impl Released {
    /// As it arrived.
    pub(super) fn at_once(at: Time) -> Self {
        Self { at, after: Some(Duration::ZERO), blocked_by: None }
    }

    /// In its order, and when it arrived nobody knows.
    pub(super) fn in_order(at: Time) -> Self {
        Self { at, after: None, blocked_by: None }
    }
}

impl Tally {
    /// The reply's probe to a request that asks. Call it last of all: the time until now is how long it was held.
    pub(super) fn answer(
        &mut self,
        host: &dyn Host,
        (probe, request): (Probe, ReportRequest),
        released: Released,
    ) -> Probe {
        if self.run != request.run {
            *self = Self { run: request.run, ..Self::default() };
        }
        let arrival = self.sequence.note(request.number);
        let report = ServerReport {
            released: released.at,
            order_wait: released.after,
            hold: host.now().since(released.at),
            received: arrival.count,
            window: arrival.window,
            blocked_by: released.blocked_by,
            extent: u32::try_from(arrival.extent).unwrap_or(u32::MAX),
            refused: self.refused,
        };
        Probe { extension: Some(Extension::Report(report)), ..probe }
    }

    /// A request was not answered.
    pub(super) fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }
}

/// The question of a request, if it asks one.
pub(super) fn asked(request: &[u8]) -> Option<(Probe, ReportRequest)> {
    let probe = Probe::parse(request).ok()?;
    match probe.extension {
        Some(Extension::Request(request)) => Some((probe, request)),
        _ => None,
    }
}

/// Writes the head of the reply over that of the request.
pub(super) fn overwrite(message: &mut [u8], reply: &Probe) {
    let head = reply.header(message.len());
    message[..head.len()].copy_from_slice(&head);
}
