//! What a remote server reports in its replies, and what follows from it.

use std::time::Duration;

use super::{Message, State};
use crate::{
    channel::Delivery,
    experiment::record::{
        AtServer,
        network::{Returned, ServerView},
    },
    stats::{Arrival, WINDOW},
    unit::{Direction, Time, nanos},
    wire::ServerReport,
};

/// The state of a remote server, as far as it has been reported.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServerReports {
    /// The highest message number reported, and how many messages the server had received by then.
    latest: Option<(u64, u64)>,
}

impl State {
    /// A remote server has answered message `number`, and says when it had it and which others.
    pub(super) fn on_server_report(&mut self, number: u64, reply: &Delivery, report: &ServerReport) {
        // A report about a message that was never sent is invalid.
        let sent = self.first + self.under_way.len() as u64;
        let Some(remote) = self.remote.as_mut().filter(|_| number < sent) else { return };
        let before = remote.latest.replace((number, report.received));
        if report.extent > 0 || before.is_some_and(|(highest, _)| number < highest) {
            remote.latest = before;
        } else {
            self.settle_gap(before, number, report);
            for below in 0..WINDOW.min(number + 1) {
                self.reached(number - below, report.window >> below & 1 == 1);
            }
        }
        self.reached(number, true);
        self.outcome.network.refused = self.outcome.network.refused.max(report.refused.into());
        let request = report.at_server(reply);
        let is_new = |message: &&mut Message| message.at_server.is_none() && !message.settled;
        let Some(message) = self.message(number).filter(is_new) else {
            return;
        };
        let is_measured = message.scheduled.measured;
        let place = Arrival {
            count: report.received,
            extent: report.extent.into(),
            window: report.window,
            duplicate: false,
        };
        self.note_arrival(number, request, place);
        if is_measured {
            self.note_stall(Direction::ToServer, &request.delivery);
        }
    }

    /// Of the messages between two that came back, those before the second's window are known by their number
    /// only: so many of them reached the server as it counted. Which ones does not matter to any figure.
    fn settle_gap(&mut self, before: Option<(u64, u64)>, number: u64, report: &ServerReport) {
        let (first, counted) = before.map_or((0, 0), |(highest, received)| (highest + 1, received));
        let end = (number + 1).saturating_sub(WINDOW);
        let reached =
            report.received.saturating_sub(counted).saturating_sub(report.window.count_ones().into());
        for gone in first..end {
            self.reached(gone, end - gone <= reached);
        }
    }

    /// What is known once stays known; that a message is not there yet may change.
    fn reached(&mut self, number: u64, reached: bool) {
        if let Some(message) = self.message(number) {
            message.reached = Some(reached || message.reached == Some(true));
        }
    }

    /// What the network did to a message that came back.
    pub(super) fn note_network(&mut self, number: u64, message: &Message, reply: &Delivery) {
        let view = message
            .at_server
            .as_deref()
            .map(|arrivals| ServerView { at_server: arrivals.answered_by(reply), arrival: arrivals.place });
        let (measured, sent) = (message.scheduled.measured, message.sent);
        let returned = Returned { number, measured, sent, view: view.as_ref(), reply };
        self.network.note(returned, &mut self.outcome.network);
    }
}

impl ServerReport {
    /// The request as the far end saw it, by its clock.
    fn at_server(&self, reply: &Delivery) -> AtServer {
        let before = |wait: Duration| Time::from_nanos(self.released.as_nanos().saturating_sub(nanos(wait)));
        let delivery = Delivery {
            probe: reply.probe,
            arrived: self.order_wait.map(before),
            released: self.released,
            entered: None,
            blocked_by: self.blocked_by.filter(|_| self.order_wait.is_some()),
            cause: None,
        };
        AtServer { delivery, replied: self.released + self.hold }
    }
}
