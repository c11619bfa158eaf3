//! The options that change the client's address.

use super::{Running, Scenario};
use crate::{
    experiment::{Bench, InvalidMove, Moved, MovedPlan, Moves, RunError, messages_config},
    report::ResultFile,
};

impl Scenario {
    /// The plans of a client whose address changes; `None` if it does not.
    pub(super) fn moved_plans(&self) -> Option<Result<Vec<MovedPlan>, InvalidMove>> {
        self.moves.change().map(|change| self.moves.plans(change, self.plans()))
    }

    /// Runs messages of a client whose address changes.
    pub(super) fn run_moved(
        &self,
        bench: Bench,
        plans: Vec<MovedPlan>,
        running: &Running<'_>,
        file: ResultFile,
    ) -> Result<ResultFile, RunError> {
        let request = self.request::<Moved>(plans);
        let mut config = self.config::<Moved>(&request);
        config.extend(messages_config(&request, |plan| &plan.plan));
        config.extend(self.moves.config());
        Ok(self.drive(&Moved(bench), &request, running, ResultFile { config, ..file })?.file)
    }

    /// Checks the options that change the client's address.
    pub(super) fn check_moves(&self) -> Result<(), String> {
        let Moves { rebind, handover, after } = &self.moves;
        let option = self.moves.option();
        match self.moved_plans() {
            _ if after.is_some() && handover.is_none() => {
                Err("--after needs --handover AT:OUTAGE: it describes the link of the other network"
                    .to_owned())
            }
            None => Ok(()),
            Some(_) if rebind.is_some() && handover.is_some() => {
                Err("--rebind: not valid with --handover, which changes the address too".to_owned())
            }
            Some(_) if self.command == "handshake" || self.has_ladder => {
                Err(format!("{option}: needs bench or hol, without --ladder"))
            }
            Some(plans) => plans.map(drop).map_err(|error| error.to_string()),
        }
    }
}
