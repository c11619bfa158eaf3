//! The options that change the client's address.

use std::time::Duration;

use serde_json::Value;

use super::plan::{MovedPlan, Outage, Rebind};
use crate::{
    experiment::{config::entry, plan::Plan},
    link::SpecError,
    unit::format_duration,
};

/// The options that change the client's address. `rebind` and `handover` exclude each other.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    /// `--rebind`.
    pub rebind: Option<Rebind>,
    /// `--handover`.
    pub handover: Option<Outage>,
    /// `--after`: what differs on the link of the other network.
    pub after: Option<String>,
}

/// A change that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {reason}")]
pub struct InvalidMove {
    option: &'static str,
    reason: String,
}

impl Moves {
    /// The change of the address, if there is one.
    pub fn change(&self) -> Option<Rebind> {
        self.rebind.or(self.handover.map(Outage::rebind))
    }

    /// The option that changes the address.
    pub fn option(&self) -> &'static str {
        if self.handover.is_some() { "--handover" } else { "--rebind" }
    }

    /// The same plans with `rebind`.
    ///
    /// Returns an error if the measured time is too short for it, or if the other network's link is not valid.
    pub fn plans(&self, rebind: Rebind, plans: Vec<Plan>) -> Result<Vec<MovedPlan>, InvalidMove> {
        if let Some(reason) = plans.iter().find_map(|plan| self.obstacle(rebind, plan)) {
            return Err(InvalidMove { option: self.option(), reason });
        }
        let moved = plans.into_iter().map(|plan| {
            let other = |outage: Outage| outage.handover(self.after.as_deref(), &plan.links);
            let invalid = |error: SpecError| InvalidMove { option: "--after", reason: error.to_string() };
            let handover = self.handover.map(other).transpose().map_err(invalid)?;
            Ok(MovedPlan { plan, rebind, handover })
        });
        moved.collect()
    }

    /// Why the change cannot be measured in a run of `plan`, if it cannot.
    fn obstacle(&self, rebind: Rebind, plan: &Plan) -> Option<String> {
        let (at, duration) = (rebind.at, plan.workload.duration);
        let outage = self.handover.map_or(Duration::ZERO, |handover| handover.length);
        let round_trip: Duration = plan.links.iter().map(|link| link.delay).sum();
        if at >= duration {
            return Some("is after the end of the measured time; use a longer --duration".to_owned());
        }
        if at.saturating_add(outage) >= duration {
            return Some("the outage ends after the measured time; use a longer --duration".to_owned());
        }
        (plan.path.has_link() && at <= round_trip).then(|| {
            format!(
                "{} is within the first round trip of {}, so no reply could come before the change; use a later \
                 time",
                format_duration(at),
                format_duration(round_trip)
            )
        })
    }

    /// The options as they stand in a result.
    pub fn config(&self) -> impl Iterator<Item = (String, Value)> {
        let rebind = self.rebind.map(|rebind| entry("rebind", rebind.to_string()));
        let handover = self.handover.map(|outage| entry("handover", outage.to_string()));
        let after = self.after.as_ref().map(|after| entry("after", after.as_str()));
        [rebind, handover, after].into_iter().flatten()
    }
}
