//! The plan and the outcome of messages beside a background.

use serde::{Deserialize, Serialize};

use crate::experiment::{
    plan::Plan,
    record::outcome::Outcome,
    senders::{Flow, FlowsOutcome, Sender},
    transfer::Direction,
};

/// One cell of a matrix: messages, and the senders beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedPlan {
    /// The messages.
    pub plan: Plan,
    /// The senders. Each runs once in each direction.
    pub background: Vec<Sender>,
}

impl LoadedPlan {
    /// The flows of the background: each sender up, then each down.
    pub(super) fn flows(&self) -> Vec<Flow> {
        let ways = [Direction::Up, Direction::Down];
        let flows = |direction| self.background.iter().map(move |&sender| Flow { sender, direction });
        ways.into_iter().flat_map(flows).collect()
    }
}

/// The outcome of the two runs of one seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadedOutcome {
    /// The messages without the background.
    pub idle: Outcome,
    /// The messages beside it.
    pub loaded: Outcome,
    /// The background.
    pub(super) flows: FlowsOutcome,
}
