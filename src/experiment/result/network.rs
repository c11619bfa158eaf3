//! What the network did, pooled over seeds.

use super::seeds::Pool;
use crate::{
    experiment::{
        plan::Plan,
        record::{network::WayFigures, outcome::Outcome},
    },
    report::{self, Ratio},
    unit::{Direction, PerDirection},
};

impl Pool<'_, Outcome> {
    /// Whether the server is elsewhere.
    pub(super) fn is_remote(&self) -> bool {
        self.0.iter().any(|(_, outcome)| outcome.remote)
    }

    /// Whether the server reported what only it can know.
    pub(super) fn has_reports(&self) -> bool {
        self.sum(|outcome| outcome.network.reported) > 0
    }

    pub(super) fn network(&self, messages: &report::Messages) -> report::Network {
        let reported = self.has_reports();
        let lost = self.sum(|outcome| outcome.network.ways.to_server.lost);
        let unattributed = self.sum(|outcome| outcome.network.unattributed);
        // The ratio of a way counts only messages that are known to have been lost on it or not.
        let known = (messages.delivered + messages.lost).saturating_sub(unattributed);
        let sent = PerDirection { to_server: known, to_client: known.saturating_sub(lost) };
        let way = |way| reported.then(|| self.way(sent[way], |outcome| &outcome.network.ways[way]));
        report::Network {
            ipdv_ns: self.merge(|outcome| &outcome.network.variation).summary(),
            hold_ns: reported.then(|| self.merge(|outcome| &outcome.network.hold).summary()),
            told: self.sum(|outcome| outcome.network.reported),
            refused: reported.then(|| self.sum(|outcome| outcome.network.refused)),
            unattributed,
            to_server: way(Direction::ToServer),
            to_client: way(Direction::ToClient),
        }
    }

    fn way(&self, sent: u64, of: impl Fn(&Outcome) -> &WayFigures) -> report::NetworkDirection {
        let lost = self.sum(|outcome| of(outcome).lost);
        let extent = self.merge(|outcome| &of(outcome).extent);
        let reordered = self.sum(|outcome| of(outcome).reordered);
        report::NetworkDirection {
            lost,
            loss_ratio: Ratio::of(lost, sent),
            reordered,
            reordered_ratio: Ratio::of(reordered, self.sum(|outcome| outcome.network.reported)),
            reorder_extent: extent.summary(),
            reorder_extent_mean: Ratio::new(extent.sum() as f64 / extent.n() as f64),
            ipdv_ns: self.merge(|outcome| &of(outcome).variation).summary(),
        }
    }

    /// Of the budget, what two ends can tell that do not see the wire: what order and the server cost.
    pub(super) fn reported_budget(&self, plan: &Plan) -> Option<report::Budget> {
        let reported = self.is_remote() && self.has_reports();
        let delivered = u128::from(self.sum(|outcome| outcome.messages.delivered));
        let order = self.merge(|outcome| &outcome.order.wait).sum().checked_div(delivered);
        reported.then(|| report::Budget {
            order_wait: order
                .filter(|_| !plan.transport.uses_kernel_tcp())
                .and_then(|mean| u64::try_from(mean).ok()),
            host: self.merge(|outcome| &outcome.network.hold).mean(),
            ..report::Budget::default()
        })
    }
}
