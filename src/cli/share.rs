//! `wirelab share`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde_json::{Map, Value, json};
use wirelab::{
    experiment::{PathKind, Request, Sender, Share as Experiment, SharePlan, distinct, entry},
    unit::nanos,
};

use super::{
    driver::{Finished, Prepared},
    options::{
        capture::CaptureArgs,
        direction::DirectionArgs,
        grid::{Defaults, GridArgs},
        link::presets,
        output::OutputArgs,
        senders::{Senders, senders},
        sweep::SweepArgs,
    },
    usage::UsageError,
    values,
};

/// Let several senders share one bottleneck: goodput and share of each, fairness, queueing delay
///
/// All senders run at once between the same two hosts, in one direction, and their packets meet in the same queue. Each
/// sends as much as its congestion control allows, or raw datagrams at a rate.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = format!("{}\n{EXAMPLES}", presets()),
    mut_arg("path", |arg| arg.help(PATH)),
    mut_arg("loss", |arg| arg.help(LOSS)),
    mut_arg("rate", |arg| arg.help(RATE)),
    mut_arg("queue", |arg| arg.help(QUEUE)),
)]
pub(crate) struct Share {
    /// The senders of a run: TRANSPORT[:CONTROLLER][@RATE][@start=TIME][@end=TIME]. The controller is cubic, newreno,
    /// bbr or fixed[:BYTES], and cubic if none is named. Raw datagrams (udp, udp-hmac, dtls) have a rate instead. Given
    /// several times, each list is a run of its own
    #[arg(short, long, value_name = "SENDER,..", default_value = DEFAULT, value_parser = senders)]
    transport: Vec<Senders>,
    #[command(flatten)]
    direction: DirectionArgs,
    /// How long a run takes [default: 60s in sim, 20s in real time]
    #[arg(short, long, value_name = "TIME", value_parser = values::some_time)]
    duration: Option<Duration>,
    /// Leave this time out of fairness, utilisation and shares, from when all senders run
    #[arg(short, long, value_name = "TIME", default_value = "5s", value_parser = values::duration)]
    warmup: Duration,
    #[command(flatten)]
    grid: GridArgs<ShareDefaults>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    capture: CaptureArgs,
}

const DEFAULT: &str = "quic-one:cubic,quic-one:bbr";
const PATH: &str = "Where packets travel: sim (virtual time) or netns (network namespaces in real time: kernel TCP too) [default: sim]";
const LOSS: &str = "Loss on the wire, in addition to drops of the queue [default: 0%]";
const RATE: &str = "Rate of the bottleneck [default: 20mbit]";
const QUEUE: &str = "Drop-tail queue of the bottleneck: 128KB, 100p, 100ms or 1bdp [default: 1bdp]";

const EXAMPLES: &str = "\
Examples:
  wirelab share
      CUBIC beside BBR over QUIC for a minute of virtual time, on 20 Mbit/s and 50 ms
  wirelab share -t tcp:cubic,quic-one:cubic,udp@2mbit --path netns -d 30s
      the kernel's TCP beside QUIC beside a stream of datagrams, in real time
  wirelab share -t quic-one,quic-one@start=20s --queue 0.5bdp,4bdp -o a.html
      how long a late sender takes to get its share, with two queues and a chart over time
  wirelab share -t udp@15mbit,udp@15mbit --rate 20mbit
      what two senders without congestion control do to a link
  wirelab share --down --to-client rate=50mbit --seeds 10 -J
      from the server to the client, as JSON with intervals";

/// Defaults of `share`.
#[derive(Debug, Clone)]
struct ShareDefaults;

impl Defaults for ShareDefaults {
    const COMMAND: &'static str = "share";
    const SIM_SEEDS: u64 = 5;
    const REAL_TIME_SEEDS: u64 = 1;
}

impl Share {
    pub(crate) fn sweep(&mut self) -> &mut SweepArgs {
        &mut self.grid.sweep
    }

    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let request = self.request()?;
        let prepared = Prepared {
            command: "share",
            experiment: &Experiment,
            request: &request,
            config: self.config(&request),
            inputs: Vec::new(),
            first_seed: self.grid.seed,
            detail: None,
            capture: &self.capture,
            sweep: &self.grid.sweep,
        };
        prepared.run(&self.output, Finished::write)
    }

    fn request(&self) -> Result<Request<SharePlan>, UsageError> {
        let mut grid = self.grid.clone();
        grid.link.default_to_bottleneck();
        let paths = grid.paths();
        let refused = paths.iter().find_map(|path| match path {
            PathKind::Relay => Some("--path relay has one server, and each sender needs its own"),
            PathKind::Direct => Some("--path direct has no emulated link to share"),
            PathKind::Sim | PathKind::Netns => None,
        });
        if let Some(refused) = refused {
            return Err(UsageError::new(format!("{refused}; use --path sim or netns")));
        }
        let on_paths = paths.into_iter().map(|path| (path, ())).collect();
        grid.request::<Experiment, ()>(Vec::new(), on_paths, |path, ()| self.plans(path, &grid))
    }

    /// The plans of one path.
    fn plans(&self, path: PathKind, grid: &GridArgs<ShareDefaults>) -> Result<Vec<SharePlan>, UsageError> {
        let direction = self.direction.direction();
        let default = Duration::from_secs(if path.is_real_time() { 20 } else { 60 });
        let duration = self.duration.unwrap_or(default);
        let mut plans = Vec::new();
        for links in grid.links(path)? {
            for Senders(senders) in &self.transport {
                check(senders, duration)?;
                plans.push(SharePlan {
                    path,
                    links: links.clone(),
                    senders: senders.clone(),
                    direction,
                    duration,
                    warmup: self.warmup,
                });
            }
        }
        let unlimited = plans.iter().any(|plan| plan.bottleneck().rate.is_none());
        match unlimited {
            true => Err(UsageError::new("--rate: senders share a bottleneck, such as --rate 20mbit")),
            false => Ok(plans),
        }
    }

    /// The options that only this command has, each resolved.
    fn config(&self, request: &Request<SharePlan>) -> Map<String, Value> {
        let each = |value: fn(&SharePlan) -> Value| distinct(request.plans().map(value));
        let controllers = request
            .plans()
            .flat_map(|plan| plan.senders.iter().map(|sender| json!(sender.controller(plan.path))));
        Map::from_iter([
            entry("transport", each(|plan| json!(plan.names()))),
            entry("congestion", distinct(controllers.filter(|name| !name.is_null()))),
            entry("links", each(|plan| json!(plan.links))),
            entry("direction", json!(self.direction.direction())),
            entry("duration_ns", each(|plan| json!(nanos(plan.duration)))),
            entry("warmup_ns", nanos(self.warmup)),
        ])
    }
}

fn check(senders: &[Sender], duration: Duration) -> Result<(), UsageError> {
    match senders.iter().find(|sender| sender.start >= duration) {
        Some(sender) => Err(UsageError::new(format!("--duration: {sender} would not start before the end"))),
        None => Ok(()),
    }
}
