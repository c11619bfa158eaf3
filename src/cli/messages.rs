//! What `bench` and `hol` share: messages on a schedule.

use std::{process::ExitCode, sync::Arc};

use clap::Args;
use serde_json::{Map, Value};
use wirelab::{
    experiment::{
        Bench, Experiment, InvalidMove, Loaded, LoadedPlan, Moved, Moves, Outcome, PathKind, Plan, Rebind,
        Request, Runs, Sender, Setup, Which, choose, choose_contrast, entry, episode, messages_config,
        page::{Page, Pages, page_config},
        pair,
    },
    path::StopSignal,
    report::episode::Episode,
    transport::Transport,
};

use super::{
    driver::{Finished, Prepared},
    options::{
        capture::CaptureArgs,
        detail::{DetailArgs, seeds},
        grid::{Defaults, GridArgs},
        matrix::{Axes, MatrixArgs},
        moves::MoveArgs,
        output::{OutputArgs, first_error},
        page::PageArgs,
        senders::{Senders, senders},
        servers::{ServerArgs, check_load},
        sweep::SweepArgs,
        workload::WorkloadArgs,
    },
    usage::UsageError,
};

/// The options of an experiment with messages on a schedule.
#[derive(Debug, Clone, Args)]
pub(crate) struct MessagesArgs<D: Defaults> {
    #[command(flatten)]
    matrix: MatrixArgs<D>,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    page: PageArgs,
    /// Run these senders beside the messages, each once in each direction, and compare with the same messages without
    /// them: TRANSPORT[:CONTROLLER][@RATE][@start=TIME][@end=TIME], as in `wirelab share`. Without options for the link,
    /// the link then has --rate 20mbit --queue 1bdp --loss 0%
    #[arg(help_heading = "Load beside the messages")]
    #[arg(long, value_name = "SENDER,..", value_parser = senders, conflicts_with_all = ["ladder", "samples", "urls"])]
    background: Option<Senders>,
    #[command(flatten)]
    moves: MoveArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    capture: CaptureArgs,
    #[command(flatten)]
    detail: DetailArgs,
    #[command(flatten)]
    servers: ServerArgs,
}

impl<D: Defaults> MessagesArgs<D> {
    /// Whether to print the options instead of running the command.
    pub(crate) fn prints_config(&self) -> bool {
        self.matrix.grid.sweep.prints_config()
    }

    pub(crate) fn sweep(&mut self) -> &mut SweepArgs {
        &mut self.matrix.grid.sweep
    }

    /// Runs what the options ask for and writes the result.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(page) = self.workload.page() {
            return self.run_page(page);
        }
        if let Some(Senders(background)) = &self.background {
            return self.run_loaded(background);
        }
        let moves = self.moves.moves();
        if !self.workload.is_answered() && self.detail.wants_ladder() {
            let why = "it shows messages and their replies, and with this --workload there are no replies";
            return Err(UsageError::new(format!("--ladder: {why}")).into());
        }
        if let Some(rebind) = moves.change() {
            return self.run_moved(&moves, rebind);
        }
        let request = self.request()?;
        self.detail.check(&request)?;
        let experiment = Self::bench();
        let config = messages_config(&request, |plan| plan);
        let prepared = self.prepared(&experiment, &request, config);
        prepared.run(&self.output, |finished| self.write_with_episodes(&request, finished))
    }

    fn bench() -> Bench {
        Bench { follows_losses: D::COMMAND == "hol" }
    }

    fn prepared<'a, E: Experiment>(
        &'a self,
        experiment: &'a E,
        request: &'a Request<E::Plan>,
        config: Map<String, Value>,
    ) -> Prepared<'a, E> {
        let GridArgs { seed, sweep, .. } = &self.matrix.grid;
        Prepared {
            command: D::COMMAND,
            experiment,
            request,
            config,
            inputs: self.workload.file().into_iter().collect(),
            first_seed: *seed,
            detail: Some(&self.detail),
            capture: &self.capture,
            sweep,
        }
    }

    /// Finds the episodes that are shown, writes the result with them, and prints the ladder.
    fn write_with_episodes(
        &self,
        request: &Request<Plan>,
        finished: &mut Finished<'_, Bench>,
    ) -> anyhow::Result<()> {
        let runs = &finished.driven.runs;
        let shown = if self.detail.wants_ladder() {
            self.detail.episodes(request, runs, &finished.stop)
        } else if finished.is_traced() && self.workload.is_answered() {
            episodes(request, runs, &finished.stop)
        } else {
            Ok(Vec::new())
        };
        // Without its episodes, the result is written all the same.
        let (shown, found) = match shown {
            Ok(shown) => (shown, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        if finished.is_traced() {
            finished.driven.file.episodes.clone_from(&shown);
        }
        let written = finished.write();
        let drawn = self.detail.draw(&shown, self.output.text());
        first_error([written, found, drawn])
    }

    /// Loads a page.
    fn run_page(&self, page: &Page) -> anyhow::Result<ExitCode> {
        let moves = self.moves.moves();
        let not_for_pages = [
            (
                D::COMMAND == "hol",
                "hol",
                "it is about single messages; a page is judged as a whole: use wirelab bench",
            ),
            (self.background.is_some(), "--background", "it runs beside messages, not beside a page"),
            (
                moves.change().is_some(),
                moves.option(),
                "the gap is measured by messages, and a page has none",
            ),
            (self.detail.wants_ladder(), "--ladder", "it shows single messages, and a page has none"),
            (
                self.detail.wants_samples(),
                "--samples",
                "they are rows of single messages; --pictures has each object",
            ),
            (
                self.servers.any(),
                "--workload",
                "a page needs a server that answers with other sizes, so not one by URL",
            ),
        ];
        if let Some((_, option, why)) = not_for_pages.into_iter().find(|(is_given, ..)| *is_given) {
            return Err(UsageError::new(format!("{option}: {why}")).into());
        }
        let loads = self.page.loads(page, self.workload.page_flows());
        let mut matrix = self.matrix.clone();
        matrix.default_to(&[Transport::TLS, Transport::QUIC_ONE, Transport::QUIC_MESSAGE]);
        let plans = |axes: &Axes| Ok(loads.plans(axes.links().iter().flat_map(|links| axes.setups(links))));
        let request = matrix.request::<Pages>(plans)?;
        self.prepared(&Pages, &request, page_config(&request)).run(&self.output, Finished::write)
    }

    /// Runs messages of a client whose address changes.
    fn run_moved(&self, moves: &Moves, rebind: Rebind) -> anyhow::Result<ExitCode> {
        let moved = |error: InvalidMove| UsageError::new(error.to_string());
        let plans = |axes: &Axes| moves.plans(rebind, self.plans(axes)?).map_err(moved);
        let request = self.matrix.request::<Moved>(plans)?;
        let mut config = messages_config(&request, |plan| &plan.plan);
        config.extend(moves.config());
        let experiment = Moved(Self::bench());
        self.prepared(&experiment, &request, config).run(&self.output, Finished::write)
    }

    /// Runs messages without and with a background.
    fn run_loaded(&self, background: &[Sender]) -> anyhow::Result<ExitCode> {
        let mut matrix = self.matrix.clone();
        matrix.grid.link.default_to_bottleneck();
        let with = |plan: Plan| LoadedPlan { plan, background: background.to_vec() };
        let request = matrix.request::<Loaded>(|axes| {
            let plans = self.plans(axes)?;
            check_background(axes.path, background, &plans)?;
            Ok(plans.into_iter().map(with).collect())
        })?;
        let mut config = messages_config(&request, |plan| &plan.plan);
        let senders: Vec<String> = background.iter().map(ToString::to_string).collect();
        config.extend([entry("background", senders)]);
        let experiment = Loaded(Self::bench());
        self.prepared(&experiment, &request, config).run(&self.output, Finished::write)
    }

    fn request(&self) -> anyhow::Result<Request<Plan>> {
        if !self.servers.any() {
            return Ok(self.matrix.request::<Bench>(|axes| self.plans(axes))?);
        }
        self.matrix.grid.check_elsewhere()?;
        if !self.workload.is_answered() {
            let why = "it is judged at the receiver, and a server by URL does not tell when messages arrived";
            return Err(UsageError::new(format!("--workload: {why}")).into());
        }
        if self.workload.sets_reply_length() {
            let why = "a server by URL is an echo, whose replies are as long as their requests";
            return Err(UsageError::new(format!("--reply-length: {why}")).into());
        }
        let mut rows = self.servers.rows(self.matrix.named())?;
        if !self.workload.sets_deadline() {
            let shared = Arc::default();
            rows.iter_mut().for_each(|(_, remote)| remote.deadline = Some(Arc::clone(&shared)));
        }
        let request = self.matrix.request_elsewhere::<Bench>(&rows, |axes| self.plans(axes))?;
        check_load(
            &rows,
            &self.workload.workloads(PathKind::Direct.default_duration())?,
            self.output.is_quiet() || self.prints_config(),
        )?;
        Ok(request)
    }

    /// The plans of one path.
    fn plans(&self, axes: &Axes) -> Result<Vec<Plan>, UsageError> {
        let workloads = self.workload.workloads(axes.path.default_duration())?;
        let mut plans = Vec::new();
        for links in axes.links() {
            let deadline = self.workload.deadline(axes.path.has_link().then_some(links));
            for workload in &workloads {
                for setup in axes.setups(links) {
                    let Setup { path, transport, congestion, loss_detection, .. } = setup;
                    let mut workload = workload.clone();
                    workload.deadline = deadline;
                    let links = links.clone();
                    let plan = Plan { path, transport, links, workload, congestion, loss_detection };
                    // What is refused is skipped, not wrong.
                    if setup.refusal().is_none() {
                        plan.validate()?;
                    }
                    plans.push(plan);
                }
            }
        }
        Ok(plans)
    }
}

/// The episodes that pictures show without `--ladder`: the longest stall, and for contrast the same message on the
/// transport that blocked the fewest messages. If no message was lost or late on both, the contrast is the longest
/// recovery of that transport. In virtual time only, because in real time episodes need further runs.
fn episodes(
    request: &Request<Plan>,
    runs: &[Vec<Runs<Outcome>>],
    stop: &StopSignal,
) -> anyhow::Result<Vec<Episode>> {
    let mut episodes = Vec::new();
    let batch = request.batches.iter().zip(runs).find(|(batch, _)| batch.path == PathKind::Sim);
    let Some((batch, runs)) = batch.filter(|_| !stop.is_set()) else { return Ok(episodes) };
    let longest = choose(&batch.plans, runs, Which::Longest);
    let contrast = longest.and_then(|(plan, _)| choose_contrast(&batch.plans, runs, plan));
    if let (Some((plan, seed)), Some((other, _))) = (longest, contrast)
        && let Some(both) = pair([plan, other], &seeds(seed, runs), Which::Longest, stop)?
    {
        return Ok(Vec::from(both));
    }
    for (plan, seed) in longest.into_iter().chain(contrast) {
        episodes.extend(episode(plan, seed, Which::Longest, stop)?);
    }
    Ok(episodes)
}

/// Refuses a background that the path does not carry, or that has no bottleneck to fill.
fn check_background(path: PathKind, background: &[Sender], plans: &[Plan]) -> Result<(), UsageError> {
    if !matches!(path, PathKind::Sim | PathKind::Netns) {
        let reason = format!("--background: --path {path} carries one connection; use --path sim or netns");
        return Err(UsageError::new(reason));
    }
    let refused = background.iter().find_map(|sender| Some((sender, path.refuses(sender.transport)?)));
    if let Some((sender, reason)) = refused {
        return Err(UsageError::new(format!("--background {sender}: {reason}; use --path netns")));
    }
    match plans.iter().flat_map(|plan| &plan.links).any(|link| link.rate.is_none()) {
        true => Err(UsageError::new("--background: a bottleneck each way is needed, such as --rate 20mbit")),
        false => Ok(()),
    }
}
