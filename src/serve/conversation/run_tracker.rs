//! What a server reports to the client of a measurement: which requests have arrived, in which order, and how long
//! each was held.

use std::time::Duration;

use crate::{
    path::Host,
    service::Service,
    stats::Sequence,
    unit::Time,
    wire::{Extension, MessageId, Probe, ReportRequest, ServerReport},
};

/// A request of a measurement, which asks for a report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredRequest {
    pub(crate) probe: Probe,
    pub(crate) request: ReportRequest,
}

impl MeasuredRequest {
    /// Parses a message to `service`. Only `echo` reports.
    pub(crate) fn in_message(service: Service, request: &[u8]) -> Option<Self> {
        Self::parse(request).filter(|_| service == Service::Echo)
    }

    pub(super) fn parse(request: &[u8]) -> Option<Self> {
        Self::of(Probe::parse(request).ok()?)
    }

    pub(crate) fn of(probe: Probe) -> Option<Self> {
        match probe.extension {
            Some(Extension::Request(request)) => Some(Self { probe, request }),
            _ => None,
        }
    }
}

/// How a request was received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reception {
    /// When it was released to the application.
    pub(crate) released: Time,
    /// From its arrival to its release; `None` if the arrival is not known.
    pub(crate) order_wait: Option<Duration>,
    pub(crate) blocked_by: Option<MessageId>,
}

impl Reception {
    /// Released as it arrived.
    pub(crate) fn immediate(released: Time) -> Self {
        Self { released, order_wait: Some(Duration::ZERO), blocked_by: None }
    }

    /// Released in order, with an unknown arrival.
    pub(crate) fn in_order(released: Time) -> Self {
        Self { released, order_wait: None, blocked_by: None }
    }
}

/// Counts the requests of one run.
#[derive(Debug, Default)]
pub(crate) struct RunTracker {
    run: u64,
    sequence: Sequence,
    refused: u32,
}

impl RunTracker {
    /// The probe of the reply, with a report. Called just before the reply is sent, because the time until now is
    /// reported as the time that the request was held.
    pub(crate) fn report(
        &mut self,
        host: &dyn Host,
        measured: MeasuredRequest,
        reception: Reception,
    ) -> Probe {
        let MeasuredRequest { probe, request } = measured;
        if self.run != request.run {
            *self = Self { run: request.run, ..Self::default() };
        }
        let arrival = self.sequence.note(request.number);
        let report = ServerReport {
            released: reception.released,
            order_wait: reception.order_wait,
            hold: host.now().since(reception.released),
            received: arrival.count,
            window: arrival.window,
            blocked_by: reception.blocked_by,
            extent: u32::try_from(arrival.extent).unwrap_or(u32::MAX),
            refused: self.refused,
        };
        Probe { extension: Some(Extension::Report(report)), ..probe }
    }

    /// Writes the probe of the reply over that of the request in `message`.
    pub(crate) fn report_in_place(
        &mut self,
        host: &dyn Host,
        measured: MeasuredRequest,
        reception: Reception,
        message: &mut [u8],
    ) {
        let head = self.report(host, measured, reception).header(message.len());
        message[..head.len()].copy_from_slice(&head);
    }

    /// Counts a request that was not answered.
    pub(crate) fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }
}
