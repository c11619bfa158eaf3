//! The options of a grid: paths, links and seeds.

use std::{fmt::Debug, marker::PhantomData};

use clap::Args;
use wirelab::{
    experiment::{Batch, Experiment, PathKind, Request},
    link::LinkSpec,
    report::Skipped,
    transport::{Congestion, Transport},
    unit::PerDirection,
};

use super::{link::LinkArgs, sweep::SweepArgs};
use crate::cli::{
    system::prepare_namespaces,
    usage::UsageError,
    values::{name, whole},
};

/// What a command takes where its options say nothing.
pub(crate) trait Defaults: Debug + Clone + Send + Sync + 'static {
    /// The name of the command.
    const COMMAND: &'static str;
    /// The transports, as far as the path can carry them.
    const TRANSPORTS: &'static [Transport] = &[
        Transport::UDP,
        Transport::ARQ_SELECTIVE,
        Transport::TCP,
        Transport::QUIC_ONE,
        Transport::QUIC_FLOW,
        Transport::QUIC_MESSAGE,
        Transport::QUIC_DATAGRAM,
    ];
    /// The paths of a transport, as the help text says it.
    const PATHS: &'static str = "sim";
    /// The path of a transport that `sim` cannot carry; without one it is skipped.
    const OTHER_PATH: Option<PathKind> = None;
    /// The controller.
    const CONGESTION: Congestion = Congestion::Cubic;
    /// What says how long it runs, for users of programs whose `-t` is a time.
    const HOW_LONG: &'static str = "a time is --duration";
    /// Seeds in virtual time.
    const SIM_SEEDS: u64 = PathKind::Sim.default_seeds();
    /// Seeds in real time.
    const REAL_TIME_SEEDS: u64 = PathKind::Netns.default_seeds();
}

/// Where and how often: lists make a matrix.
#[derive(Debug, Clone, Args)]
pub(crate) struct GridArgs<D: Defaults> {
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[arg(long, value_name = "PATH,..", value_delimiter = ',', value_parser = name::<PathKind>)]
    #[arg(help = path_help::<D>())]
    pub(super) path: Vec<PathKind>,
    #[arg(long, alias = "runs", value_name = "N", value_parser = whole::<u64>(1, MAX_SEEDS), help = seeds_help::<D>())]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<u64>(0, u64::MAX))]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) sweep: SweepArgs,
    #[arg(skip)]
    defaults: PhantomData<D>,
}

fn path_help<D: Defaults>() -> String {
    format!(
        "Where packets travel: sim (virtual time, over the link), relay (this machine's loopback in real time, over \
         the link), netns (network namespaces in real time, over the link: kernel TCP too), direct (loopback without \
         the link) [default: {}]",
        D::PATHS
    )
}

fn seeds_help<D: Defaults>() -> String {
    format!(
        "How many seeds, each a run of its own [default: {} in sim, {} in real time]",
        D::SIM_SEEDS,
        D::REAL_TIME_SEEDS
    )
}

/// More seeds than this are a typing error.
const MAX_SEEDS: u64 = 100_000;

impl<D: Defaults> GridArgs<D> {
    /// The plans of every path; `plans` makes those of one. Leaves out what cannot be run, and says why.
    pub(crate) fn request<E: Experiment, T>(
        &self,
        skipped: Vec<Skipped>,
        on_paths: Vec<(PathKind, T)>,
        mut plans: impl FnMut(PathKind, T) -> Result<Vec<E::Plan>, UsageError>,
    ) -> Result<Request<E::Plan>, UsageError> {
        self.check_link()?;
        let mut request = Request { batches: Vec::new(), skipped };
        for (path, on_path) in on_paths {
            request.add::<E>(self.batch(path, plans(path, on_path)?));
        }
        match &self.sweep.parts {
            Some(parts) => parts.restrict(&mut request),
            // They may be for another machine.
            None if self.sweep.prints_config() => {}
            None => leave_out_forbidden::<E>(&mut request),
        }
        Ok(request)
    }

    /// The paths, each once.
    pub(crate) fn paths(&self) -> Vec<PathKind> {
        let mut paths = Vec::new();
        let asked = if self.path.is_empty() { &[PathKind::Sim][..] } else { &self.path };
        for &path in asked {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }

    /// The links on `path`.
    pub(crate) fn links(&self, path: PathKind) -> Result<Vec<PerDirection<LinkSpec>>, UsageError> {
        let mut links = self.link.links()?;
        if !path.has_link() {
            // Without a link, all links are the same one.
            links.truncate(1);
        }
        Ok(links)
    }

    /// Refuses options that describe a link where no path has one.
    fn check_link(&self) -> Result<(), UsageError> {
        let is_without = !self.path.is_empty() && self.path.iter().all(|path| !path.has_link());
        match self.link.first_given().filter(|_| is_without) {
            Some(option) => Err(UsageError::new(format!(
                "{}: --path direct has no emulated link; use --path sim, relay or netns",
                self.sweep.with_origin(option)
            ))),
            None => Ok(()),
        }
    }

    /// Refuses options that describe a path where servers are elsewhere.
    pub(crate) fn check_elsewhere(&self) -> Result<(), UsageError> {
        let given = (!self.path.is_empty()).then_some("--path").or(self.link.first_given());
        match given {
            Some(option) => Err(UsageError::new(format!(
                "{}: servers by URL are reached over the real network, and no link is emulated",
                self.sweep.with_origin(option)
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn batch<P>(&self, path: PathKind, plans: Vec<P>) -> Batch<P> {
        let default = if path.is_real_time() { D::REAL_TIME_SEEDS } else { D::SIM_SEEDS };
        Batch { path, seeds: self.seeds.unwrap_or(default), plans, servers: Vec::new() }
    }

    /// Sets the only path that `option` works on. Refuses another path.
    pub(crate) fn set_only_path(&mut self, option: &str, path: PathKind) -> Result<(), UsageError> {
        match self.path.iter().find(|asked| **asked != path) {
            Some(other) => Err(UsageError::new(format!("{option}: needs --path {path}, not {other}"))),
            None => {
                self.path = vec![path];
                Ok(())
            }
        }
    }

    /// How many seeds the options name.
    pub(crate) fn set_seeds(&mut self, seeds: u64) {
        self.seeds.get_or_insert(seeds);
    }
}

/// Prepares for network namespaces, while there is one thread: see [`prepare_namespaces`]. Where this process may not
/// create any, leaves out the batches that need them, and says why for each of their transports.
fn leave_out_forbidden<E: Experiment>(request: &mut Request<E::Plan>) {
    let needs = |batch: &Batch<E::Plan>| batch.path == PathKind::Netns;
    if !request.batches.iter().any(needs) {
        return;
    }
    let Err(error) = prepare_namespaces() else { return };
    let (forbidden, batches) = std::mem::take(&mut request.batches).into_iter().partition(needs);
    request.batches = batches;
    let forbidden: Vec<Batch<E::Plan>> = forbidden;
    for plan in forbidden.iter().flat_map(|batch| &batch.plans) {
        request.skip(&E::name(plan), PathKind::Netns, &error.to_string());
    }
}
