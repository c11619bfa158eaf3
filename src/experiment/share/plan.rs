//! The plan of a run of `share`.

use std::time::Duration;

use crate::{
    experiment::{
        PathKind,
        senders::{Flow, Sender},
        transfer::Direction,
    },
    link::LinkSpec,
    unit::PerDirection,
};

/// One cell of a matrix: these senders on one link and path.
#[derive(Debug, Clone, PartialEq)]
pub struct SharePlan {
    /// Where packets travel.
    pub path: PathKind,
    /// The wire to the server and to the client.
    pub links: PerDirection<LinkSpec>,
    /// The senders.
    pub senders: Vec<Sender>,
    /// Which way they send.
    pub direction: Direction,
    /// How long a run takes.
    pub duration: Duration,
    /// What fairness, utilisation and shares leave out at the beginning of the time in which all senders run.
    pub warmup: Duration,
}

impl SharePlan {
    /// Why it cannot be run, if it cannot.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.senders.iter().find_map(|sender| {
            let reason = self.path.refuses(sender.transport)?;
            Some(format!("{sender}: {reason}; use --path netns"))
        })
    }

    /// The senders as they are written.
    pub fn names(&self) -> String {
        let names: Vec<String> = self.senders.iter().map(ToString::to_string).collect();
        names.join(",")
    }

    pub(super) fn flows(&self) -> Vec<Flow> {
        self.senders.iter().map(|&sender| Flow { sender, direction: self.direction }).collect()
    }

    /// The link that carries the data.
    pub fn bottleneck(&self) -> &LinkSpec {
        &self.links[self.direction.into()]
    }

    /// The time in which all senders run, without the warm-up; `None` if there is none.
    pub(super) fn common(&self) -> Option<[Duration; 2]> {
        let from = self.senders.iter().map(|sender| sender.start).max()? + self.warmup;
        let to = self.senders.iter().map(|sender| sender.end_in(self.duration)).min()?;
        (from < to).then_some([from, to])
    }
}
