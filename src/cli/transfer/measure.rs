//! From plans to a result.

use std::{
    num::NonZero,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use wirelab::{
    experiment::{
        self, Effort, PathKind, RunError, Runs, run_numbered_matrix,
        transfer::{Saved, TransferOutcome, TransferPlan, cell, transfer, transfer_against},
    },
    report::{ResultFile, Skipped},
    transfer::Watch,
};

use super::{
    Transfer,
    request::{Batch, Request},
};
use crate::cli::{
    experiment::{
        interrupt::{INTERRUPTED, stop_on_interrupt},
        output::Draft,
    },
    output::complain,
};

impl Transfer {
    /// Makes the transfers and writes the result.
    pub(super) fn measure(&self, request: &Request) -> anyhow::Result<ExitCode> {
        let output = self.output.open()?;
        let (draft, save) = match &self.save {
            Some(path) => {
                let (draft, file) = Draft::create(path)?;
                (Some((draft, file.try_clone()?)), Some(file))
            }
            None => (None, None),
        };
        let stop = stop_on_interrupt().map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        let mut file = ResultFile::new("transfer");
        file.config = self.config(request);
        file.skipped.clone_from(&request.skipped);
        let bar = self.bar(request);
        let save = Mutex::new(save);
        let (mut wires, mut problems, mut done) = (Vec::new(), Vec::new(), 0);
        for batch in &request.batches {
            let runs = self.runs(batch, &stop, &bar, &save);
            file.complete &=
                runs.iter().all(|runs| runs.outcomes.len() + runs.failures.len() == batch.seeds as usize);
            for (index, (plan, runs)) in batch.plans.iter().zip(&runs).enumerate() {
                wires.extend(runs.outcomes.iter().filter_map(|(_, outcome)| outcome.fidelity.clone()));
                done += runs.outcomes.iter().filter(|(_, outcome)| outcome.time.is_some()).count();
                problems.extend(problems_of(plan, runs));
                collect(&mut file, batch, index, runs);
            }
        }
        bar.finish_and_clear();
        let interrupted = stop.load(Ordering::Relaxed);
        file.complete &= !interrupted;
        file.system = experiment::system(request.batches.iter().map(|batch| batch.path), &wires);
        // What is not whole and intact goes with its draft.
        if let Some((draft, saved)) = draft.filter(|_| done == 1 && !interrupted) {
            draft.complete(Ok(saved))?;
        }
        self.output.write(output, &file)?;
        problems.iter().for_each(complain);
        Ok(match (interrupted, problems.is_empty() && done > 0) {
            (true, _) => ExitCode::from(INTERRUPTED),
            (false, true) => ExitCode::SUCCESS,
            (false, false) => ExitCode::FAILURE,
        })
    }

    fn runs(
        &self,
        batch: &Batch,
        stop: &Arc<AtomicBool>,
        bar: &ProgressBar,
        save: &Mutex<Saved>,
    ) -> Vec<Runs<TransferOutcome>> {
        let threads = match batch.path {
            PathKind::Sim => thread::available_parallelism().map_or(1, NonZero::get),
            // Two transfers at once would disturb each other.
            _ => 1,
        };
        let effort = Effort { first_seed: self.seed, seeds: batch.seeds, threads, stop };
        let moved = bar.clone();
        let watch =
            Watch { moved: Arc::new(move |bytes| moved.inc(bytes)), stop: stop.clone(), ..Watch::default() };
        let seeds = usize::try_from(batch.seeds).unwrap_or(usize::MAX);
        let run = |job: usize, plan: &TransferPlan, seed| -> Result<_, RunError> {
            let saved = save.lock().unwrap_or_else(PoisonError::into_inner).take();
            let how = (saved, &watch);
            match batch.servers.get(job / seeds) {
                Some(remote) => transfer_against(plan, remote, seed, how),
                None => transfer(plan, seed, how),
            }
        };
        run_numbered_matrix(&batch.plans, effort, run, || ())
    }

    /// Every option by its name. What a matrix resolves differently for each cell stands in the cells.
    fn config(&self, request: &Request) -> serde_json::Map<String, serde_json::Value> {
        let plans = || request.batches.iter().flat_map(|batch| &batch.plans);
        let mut config = serde_json::Map::new();
        let mut set = |name: &str, value| config.insert(name.to_owned(), value);
        set("transport", distinct(plans().map(|plan| json!(plan.transport.name()))));
        set("path", json!(request.batches.iter().map(|batch| batch.path.name()).collect::<Vec<_>>()));
        let servers = request.batches.iter().flat_map(|batch| &batch.servers);
        set("servers", distinct(servers.map(|remote| json!(remote.url))));
        set("congestion", distinct(plans().map(|plan| json!(plan.congestion.to_string()))));
        set("bytes", distinct(plans().map(|plan| json!(plan.content.bytes()))));
        set("direction", json!(if self.down { "down" } else { "up" }));
        set("flows", json!(self.flows));
        set("pace_bps", json!(self.pace.bits_per_second()));
        set("seed", json!(self.seed));
        set("seeds", distinct(request.batches.iter().map(|batch| json!(batch.seeds))));
        config
    }

    /// A bar over all content.
    fn bar(&self, request: &Request) -> ProgressBar {
        if !self.output.shows_progress() {
            return ProgressBar::hidden();
        }
        let plans =
            request.batches.iter().flat_map(|batch| batch.plans.iter().map(|plan| (plan, batch.seeds)));
        let bar =
            ProgressBar::new(plans.map(|(plan, seeds)| plan.content.bytes().saturating_mul(seeds)).sum());
        let template = "{bar:40} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar
    }
}

fn distinct(values: impl Iterator<Item = serde_json::Value>) -> serde_json::Value {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen.into()
}

/// Why transfers of `plan` have stopped. Lost datagrams are what was to be shown.
fn problems_of(plan: &TransferPlan, runs: &Runs<TransferOutcome>) -> Option<String> {
    let stopped = runs.outcomes.iter().find_map(|(_, outcome)| outcome.stopped.clone());
    let failed = runs.failures.first().map(|(_, error)| error.to_string());
    let unsaved = || {
        let lacking = runs.outcomes.iter().find(|(_, outcome)| outcome.time.is_none())?;
        Some(format!("{} of {} bytes arrived", lacking.1.arrived, plan.content.bytes()))
    };
    let only = runs.outcomes.len() == 1;
    let problem = stopped.or(failed).or_else(|| unsaved().filter(|_| only))?;
    Some(format!("{} on {}: {problem}", plan.transport, plan.path))
}

fn collect(file: &mut ResultFile, batch: &Batch, index: usize, runs: &Runs<TransferOutcome>) {
    let plan = &batch.plans[index];
    if let Some((seed, error)) = runs.failures.first() {
        let reason = format!(
            "{} of {} transfers failed, seed {seed} first: {error}",
            runs.failures.len(),
            batch.seeds
        );
        let (transport, path) = (plan.transport.name().to_owned(), plan.path.name().to_owned());
        file.skipped.push(Skipped { transport, path, reason });
    }
    if !runs.outcomes.is_empty() {
        let mut cell = cell(plan, &runs.outcomes);
        cell.server = batch.servers.get(index).map(|remote| remote.url.clone());
        file.cells.push(cell);
    }
}
