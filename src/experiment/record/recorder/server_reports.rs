//! What a server elsewhere reports in its replies, and what follows from it.

use std::time::Duration;

use super::{Message, State};
use crate::{
    channel::Delivery,
    experiment::record::{at_server::AtServer, network::ServerView},
    stats::{Arrival, WINDOW},
    unit::{Direction, Time, nanos},
    wire::ServerReport,
};

/// The state of a server elsewhere, as far as it has been reported.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServerReports {
    /// The highest message number reported, and how many messages the server had received by then.
    latest: Option<(u64, u64)>,
}

impl State {
    /// A server elsewhere has answered message `number`, and says when it had it and which others.
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
        let Some(message) = self.message(number).filter(|message| message.at_server[0].is_none()) else {
            return;
        };
        message.at_server[0] = Some(request);
        message.arrival = Some(Arrival {
            count: report.received,
            extent: report.extent.into(),
            window: report.window,
            duplicate: false,
        });
        if message.scheduled.measured {
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
        for gone in first.max(self.first)..end {
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
        let at_server = message.answered_by(reply);
        let view =
            at_server.zip(message.arrival).map(|(at_server, arrival)| ServerView { at_server, arrival });
        let place = (number, message.scheduled.measured);
        let figures = &mut self.outcome.network;
        self.network.note(place, message.sent, (view.as_ref(), reply), figures);
    }

    /// A datagram is lost: on which way?
    pub(super) fn note_lost(&mut self, message: &Message) {
        let reached = match self.remote {
            None => Some(message.at_server[0].is_some()),
            Some(_) => message.reached,
        };
        let network = &mut self.outcome.network;
        match reached {
            Some(false) => network.ways.to_server.lost += 1,
            Some(true) => network.ways.to_client.lost += 1,
            None => network.unattributed += 1,
        }
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
