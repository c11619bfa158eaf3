//! How the command of a scenario is run.

use serde_json::{Map, Value};

use super::Scenario;
use crate::{
    experiment::{
        Batch, Bench, Driven, Experiment, Handshake, Options, Outcome, Plan, Progress, Request, RunError,
        Runs, Which, choose, config, drive, entry, episode, given_options, handshake_config, messages_config,
        pair,
    },
    path::StopSignal,
    report::{ResultFile, episode::Episode},
};

/// How a scenario is run.
pub(crate) struct Running<'a> {
    /// Set to end it early.
    pub stop: &'a StopSignal,
    /// Receives the number of runs that have ended.
    pub progress: Progress,
    /// Whether the result must include the data for pictures.
    pub pictures: bool,
}

impl Scenario {
    /// Runs the command. With a ladder, also returns its episodes.
    ///
    /// Returns an error if a ladder's run fails, or if the stop signal was set.
    pub(crate) fn run(&self, running: &Running<'_>) -> Result<(ResultFile, Vec<Episode>), RunError> {
        let file = ResultFile::new(&*self.command);
        if self.command == "handshake" {
            let request = self.request::<Handshake>(self.handshakes());
            let mut config = self.config::<Handshake>(&request);
            config.extend(handshake_config(&request));
            let file = ResultFile { config, ..file };
            return Ok((self.drive(&Handshake, &request, running, file)?.file, Vec::new()));
        }
        if let Some(plans) = self.page_plans() {
            return Ok((self.run_page(plans, running, file)?, Vec::new()));
        }
        let bench = Bench { follows_losses: self.command == "hol" };
        // An invalid change is refused when the command line is read.
        if let Some(Ok(plans)) = self.moved_plans() {
            return Ok((self.run_moved(bench, plans, running, file)?, Vec::new()));
        }
        let request = self.request::<Bench>(self.plans());
        let mut config = self.config::<Bench>(&request);
        config.extend(messages_config(&request, |plan| plan));
        let driven = self.drive(&bench, &request, running, ResultFile { config, ..file })?;
        let episodes = match (driven.runs.first(), request.batches.first()) {
            (Some(runs), Some(batch)) if self.has_ladder => episodes(&batch.plans, runs, running.stop)?,
            _ => Vec::new(),
        };
        Ok((driven.file, episodes))
    }

    /// Every option, resolved, and those that were given.
    pub(super) fn config<E: Experiment>(&self, request: &Request<E::Plan>) -> Map<String, Value> {
        let mut all = config::<E>(request, self.first_seed);
        all.extend([entry("options", given_options(&self.given))]);
        all
    }

    /// A request for all plans that can be run.
    pub(super) fn request<E: Experiment>(&self, plans: Vec<E::Plan>) -> Request<E::Plan> {
        let mut request = Request { batches: Vec::new(), skipped: Vec::new() };
        request.add::<E>(Batch { path: self.path, seeds: self.seeds, plans, servers: Vec::new() });
        request
    }

    pub(super) fn drive<E: Experiment>(
        &self,
        experiment: &E,
        request: &Request<E::Plan>,
        running: &Running<'_>,
        file: ResultFile,
    ) -> Result<Driven<E::Outcome>, RunError> {
        let options = Options {
            first_seed: self.first_seed,
            stop: running.stop.clone(),
            recorder: None,
            progress: running.progress.clone(),
            samples: None,
            pictures: running.pictures,
        };
        let driven = drive(experiment, request, &options, file);
        if driven.interrupted { Err(RunError::Interrupted) } else { Ok(driven) }
    }
}

/// The episode of the ladder: one, or a pair if there are two transports.
fn episodes(plans: &[Plan], runs: &[Runs<Outcome>], stop: &StopSignal) -> Result<Vec<Episode>, RunError> {
    let Some((plan, seed)) = choose(plans, runs, Which::Longest) else { return Ok(Vec::new()) };
    match plans {
        [left, right] => {
            Ok(pair([left, right], &[seed], Which::Longest, stop)?.map_or_else(Vec::new, Vec::from))
        }
        _ => Ok(episode(plan, seed, Which::Longest, stop)?.into_iter().collect()),
    }
}
