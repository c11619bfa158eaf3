//! What `bench` and its sisters share: options in, plans out, and the way from plans to a result.

mod config;
mod detail;
pub(crate) mod interrupt;
mod link;
mod measure;
pub(crate) mod output;
pub(crate) mod servers;
pub(crate) mod transports;
pub(crate) mod usage;
mod workload;

use std::time::Duration;

use clap::Args;

use self::{
    detail::DetailArgs,
    output::OutputArgs,
    servers::{ServerArgs, check_load},
    transports::Transports,
    usage::{UsageError, single},
    workload::{WorkloadArgs, parse},
};
pub(crate) use self::{
    link::{LinkArgs, presets},
    measure::progress,
};
use wirelab::{
    experiment::{PathKind, Plan, Remote},
    path::netns,
    report::Skipped,
    transport::{Congestion, Transport},
};

/// The options of an experiment.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExperimentArgs {
    #[command(flatten)]
    servers: ServerArgs,
    /// Transports to compare: udp, arq-stop-and-wait, arq-go-back-n, arq-selective, arq-unordered, tcp, tls, quic-one,
    /// quic-flow, quic-message, quic-datagram; arq and quic for their four, all for what the path can carry
    /// [default: udp,arq-selective,quic]
    #[arg(short, long, value_name = "LIST", value_parser = parse_transports)]
    transport: Option<Transports>,
    /// Where packets travel: sim (virtual time, over the link), relay (this machine's loopback in real time, over the
    /// link), netns (network namespaces in real time, over the link: the kernel's TCP too), direct (loopback without
    /// the link) [default: sim]
    #[arg(long, value_name = "PATH,..", value_delimiter = ',', value_parser = path)]
    path: Vec<PathKind>,
    /// Congestion controller of QUIC and arq, and of the kernel's TCP with --path netns: cubic, newreno, bbr (quinn's is
    /// experimental; not for arq), fixed[:BYTES]
    #[arg(short = 'C', long, value_name = "NAME,..", value_delimiter = ',', value_parser = congestion)]
    congestion: Vec<Congestion>,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "1", value_parser = seed)]
    seed: u64,
    /// How many seeds, each a run of its own [default: 30 in sim, 5 in real time]
    #[arg(long, value_name = "N", value_parser = seeds)]
    seeds: Option<u64>,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    detail: DetailArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn parse_transports(list: &str) -> Result<Transports, String> {
    list.parse::<Transports>().map_err(|e| e.to_string())
}

pub(crate) fn path(name: &str) -> Result<PathKind, String> {
    parse(name)
}

pub(crate) fn congestion(name: &str) -> Result<Congestion, String> {
    parse(name)
}

pub(crate) fn seed(value: &str) -> Result<u64, String> {
    single(value)?.parse().map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

pub(crate) fn seeds(value: &str) -> Result<u64, String> {
    match single(value)?.parse() {
        Ok(seeds @ 1..=100_000) => Ok(seeds),
        _ => Err("write a whole number from 1 to 100000".to_owned()),
    }
}

/// What is to be run, path by path.
#[derive(Debug)]
pub(crate) struct Request {
    /// Runs that go together: those of one path.
    pub(crate) batches: Vec<Batch>,
    /// What was asked for and cannot be run.
    pub(crate) skipped: Vec<Skipped>,
}

/// What belongs to one path.
pub(crate) trait OnPath {
    fn path(&self) -> PathKind;
    fn transports(&self) -> Vec<Transport>;
}

impl OnPath for Batch {
    fn path(&self) -> PathKind {
        self.path
    }

    fn transports(&self) -> Vec<Transport> {
        self.plans.iter().map(|plan| plan.transport).collect()
    }
}

/// Prepares for network namespaces, while there is one thread: see [`netns::prepare`]. Where this process may make
/// none, leaves out the batches that need them, and says why for each of their transports.
pub(crate) fn leave_out_forbidden(batches: &mut Vec<impl OnPath>) -> Vec<Skipped> {
    let needs = |batch: &dyn OnPath| batch.path() == PathKind::Netns;
    if !batches.iter().any(|batch| needs(batch)) {
        return Vec::new();
    }
    let Err(error) = netns::prepare() else { return Vec::new() };
    let mut skipped: Vec<Skipped> = Vec::new();
    for transport in batches.iter().filter(|batch| needs(*batch)).flat_map(OnPath::transports) {
        if skipped.iter().all(|skipped| skipped.transport != transport.name()) {
            skipped.push(Skipped {
                transport: transport.name().to_owned(),
                path: PathKind::Netns.name().to_owned(),
                reason: error.to_string(),
            });
        }
    }
    batches.retain(|batch| !needs(batch));
    skipped
}

/// The plans of one path.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) path: PathKind,
    pub(crate) plans: Vec<Plan>,
    /// The server of each plan, where they are elsewhere.
    pub(crate) servers: Vec<Remote>,
    pub(crate) seeds: u64,
    /// Plans that cannot be run.
    pub(crate) skipped: Vec<Skipped>,
}

/// Notes once that the transport of `plan` is left out.
fn skip(skipped: &mut Vec<Skipped>, plan: &Plan, reason: &str) {
    let left_out = Skipped {
        transport: plan.transport.name().to_owned(),
        path: plan.path.name().to_owned(),
        reason: reason.to_owned(),
    };
    if !skipped.contains(&left_out) {
        skipped.push(left_out);
    }
}

/// What a command takes where the options say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults<'a> {
    pub(crate) transports: &'a [Transport],
    pub(crate) congestion: Congestion,
}

impl ExperimentArgs {
    /// Everything that the options ask for.
    pub(crate) fn request(&self, defaults: Defaults<'_>) -> anyhow::Result<Request> {
        if self.servers.any() {
            let batches = vec![self.elsewhere(defaults.congestion)?];
            return Ok(Request { batches, skipped: Vec::new() });
        }
        let mut request = Request { batches: Vec::new(), skipped: Vec::new() };
        let named = self.transport.clone().unwrap_or_else(|| Transports::These(defaults.transports.to_vec()));
        let default = [PathKind::Sim];
        for &path in if self.path.is_empty() { &default[..] } else { &self.path } {
            let (transports, skipped) = named.on(path);
            request.skipped.extend(skipped);
            let mut batch = self.batch(path, &transports, defaults.congestion)?;
            request.skipped.append(&mut batch.skipped);
            request.batches.push(batch);
        }
        Ok(request)
    }

    /// What is run against servers by URL.
    fn elsewhere(&self, controller: Congestion) -> anyhow::Result<Batch> {
        let refused = [
            (!self.path.is_empty()).then_some("--path"),
            self.link.first_given(),
            self.workload.sets_reply_length().then_some("--reply-length"),
        ];
        if let Some(option) = refused.into_iter().flatten().next() {
            let why = if option == "--reply-length" {
                "a server by URL is an echo, whose replies are as long as their requests"
            } else {
                "servers by URL are reached over the real network, and no link is emulated"
            };
            return Err(UsageError::new(format!("{option}: {why}")).into());
        }
        let rows = self.servers.rows(self.transport.as_ref())?;
        for (transport, congestion) in
            rows.iter().flat_map(|(transport, _)| self.congestion.iter().map(move |c| (*transport, *c)))
        {
            if let Some(reason) = transport.refuses_controller(congestion) {
                return Err(UsageError::new(format!("--congestion {congestion}: {reason}")).into());
            }
        }
        let transports: Vec<Transport> = rows.iter().map(|(transport, _)| *transport).collect();
        let mut batch = self.batch(PathKind::Direct, &transports, controller)?;
        let workloads: Vec<_> =
            batch.plans.iter().step_by(rows.len()).map(|plan| plan.workload.clone()).collect();
        check_load(&rows, &workloads, self.output.is_quiet())?;
        let servers = rows.into_iter().map(|(_, remote)| remote).cycle();
        batch.servers = servers.take(batch.plans.len()).collect();
        Ok(batch)
    }

    fn batch(
        &self,
        path: PathKind,
        transports: &[Transport],
        controller: Congestion,
    ) -> Result<Batch, UsageError> {
        let (seconds, seeds) = if path.is_real_time() { (10, 5) } else { (60, 30) };
        let links = self.link.links()?;
        // Without a link, all links are the same one.
        let links = if path.has_link() { &links[..] } else { &links[..1] };
        let workloads = self.workload.workloads(Duration::from_secs(seconds))?;
        let default = [controller];
        let controllers = if self.congestion.is_empty() { &default[..] } else { &self.congestion[..] };
        let (mut plans, mut skipped) = (Vec::new(), Vec::new());
        for link in links {
            for workload in &workloads {
                for &congestion in controllers {
                    for &transport in transports {
                        let deadline = self.workload.deadline(path.has_link().then_some(link));
                        let mut workload = workload.clone();
                        workload.deadline = deadline;
                        let plan = Plan { path, transport, links: link.clone(), workload, congestion };
                        if let Some(reason) = plan.refusal() {
                            skip(&mut skipped, &plan, reason);
                            continue;
                        }
                        plan.validate()?;
                        plans.push(plan);
                    }
                }
            }
        }
        Ok(Batch { path, plans, servers: Vec::new(), seeds: self.seeds.unwrap_or(seeds), skipped })
    }
}
