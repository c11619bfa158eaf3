//! The options of a matrix: transports, paths, links, controllers and seeds.

use std::{fmt::Debug, marker::PhantomData, slice};

use clap::Args;
use wirelab::{
    experiment::{Batch, Experiment, PathKind, Remote, Request, Setup},
    link::LinkSpec,
    path::netns,
    report::Skipped,
    transport::{Congestion, LossDetection, TimeThreshold, Transport},
    unit::PerDirection,
};

use super::{link::LinkArgs, servers::Row, transports::Transports};
use crate::cli::{
    usage::UsageError,
    values::{name, parse, whole},
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
    /// Seeds in virtual time.
    const SIM_SEEDS: u64 = 30;
    /// Seeds in real time.
    const REAL_TIME_SEEDS: u64 = 5;
}

/// What is compared: lists make a matrix.
#[derive(Debug, Clone, Args)]
pub(crate) struct MatrixArgs<D: Defaults> {
    #[arg(short, long, value_name = "LIST", value_parser = parse_transports, help = transport_help::<D>())]
    transport: Option<Transports>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
    #[arg(long, value_name = "PATH,..", value_delimiter = ',', value_parser = name::<PathKind>)]
    #[arg(help = path_help::<D>())]
    path: Vec<PathKind>,
    #[arg(short = 'C', long, value_name = "NAME,..", value_delimiter = ',')]
    #[arg(value_parser = parse::<Congestion>, help = congestion_help::<D>())]
    congestion: Vec<Congestion>,
    #[arg(long, alias = "runs", value_name = "N", value_parser = whole::<u64>(1, MAX_SEEDS), help = seeds_help::<D>())]
    seeds: Option<u64>,
    /// When QUIC and arq declare a packet lost: one sent this many packets later was acknowledged (RFC 9002 section
    /// 6.1.1). A threshold above the reordering of the link avoids needless retransmissions
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "3")]
    #[arg(value_parser = whole::<u32>(1, u32::MAX.into()))]
    packet_threshold: Vec<u32>,
    /// The same by time: a later packet was acknowledged, and this many round trips have passed since it was sent (section
    /// 6.1.2), such as 9/8 or 2
    #[arg(long, value_name = "X,..", value_delimiter = ',', default_value = "1.125")]
    #[arg(value_parser = parse::<TimeThreshold>)]
    time_threshold: Vec<TimeThreshold>,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "1", value_parser = whole::<u64>(0, u64::MAX))]
    pub(crate) seed: u64,
    #[arg(skip)]
    defaults: PhantomData<D>,
}

fn transport_help<D: Defaults>() -> String {
    format!(
        "Transports to compare: {}; {} for all of that scheme, all for what the path can carry; without -t, what the path \
         can carry of the default [default: {}]",
        Transport::names(),
        Transport::group_names(),
        Transports::These(D::TRANSPORTS.to_vec()),
    )
}

fn path_help<D: Defaults>() -> String {
    format!(
        "Where packets travel: sim (virtual time, over the link), relay (this machine's loopback in real time, over \
         the link), netns (network namespaces in real time, over the link: kernel TCP too), direct (loopback without \
         the link) [default: {}]",
        D::PATHS
    )
}

fn congestion_help<D: Defaults>() -> String {
    let default = match D::CONGESTION {
        Congestion::Fixed(_) => "fixed".to_owned(),
        other => other.to_string(),
    };
    format!(
        "Congestion controller of QUIC and arq, and of kernel TCP with --path netns: cubic, newreno, bbr (quinn's is \
         experimental; not for arq), fixed[:BYTES] [default: {default}]"
    )
}

fn seeds_help<D: Defaults>() -> String {
    format!(
        "How many seeds, each a run of its own [default: {} in sim, {} in real time]",
        D::SIM_SEEDS,
        D::REAL_TIME_SEEDS
    )
}

fn parse_transports(list: &str) -> Result<Transports, String> {
    if list.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("these are transports, such as udp,tcp,quic; a time is --duration".to_owned());
    }
    list.to_lowercase().parse::<Transports>().map_err(|e| e.to_string())
}

/// More seeds than this are a typing error.
const MAX_SEEDS: u64 = 100_000;

/// The matrix on one path.
pub(crate) struct Axes {
    pub(crate) path: PathKind,
    links: Vec<PerDirection<LinkSpec>>,
    congestion: Vec<Congestion>,
    loss_detection: Vec<LossDetection>,
    transports: Vec<Transport>,
}

impl Axes {
    /// The links, one after the other.
    pub(crate) fn links(&self) -> &[PerDirection<LinkSpec>] {
        &self.links
    }

    /// Every controller with every transport on `links`, and every pair of thresholds where the transport has them.
    pub(crate) fn setups<'a>(&'a self, links: &'a PerDirection<LinkSpec>) -> impl Iterator<Item = Setup<'a>> {
        let (path, all) = (self.path, &self.loss_detection);
        self.congestion.iter().flat_map(move |&congestion| {
            self.transports.iter().flat_map(move |&transport| {
                let thresholds = if transport.has_thresholds() { &all[..] } else { &all[..1] };
                let setup =
                    move |&loss_detection| Setup { path, transport, links, congestion, loss_detection };
                thresholds.iter().map(setup)
            })
        })
    }
}

impl<D: Defaults> MatrixArgs<D> {
    /// The transports that were asked for.
    pub(crate) fn named(&self) -> Option<&Transports> {
        self.transport.as_ref()
    }

    /// The plans of every path; `plans` makes those of one. Leaves out what cannot be run, and says why.
    pub(crate) fn request<E: Experiment>(
        &self,
        mut plans: impl FnMut(&Axes) -> Result<Vec<E::Plan>, UsageError>,
    ) -> Result<Request<E::Plan>, UsageError> {
        self.check_link()?;
        let mut request = Request { batches: Vec::new(), skipped: Vec::new() };
        for (path, transports) in self.transports(&mut request.skipped) {
            let axes = self.axes(path, transports)?;
            let mut batch = self.batch(path, plans(&axes)?);
            batch.plans.retain(|plan| {
                let setup = E::setup(plan);
                let refusal = setup.refusal();
                refusal.into_iter().for_each(|reason| request.skip(&setup, reason));
                refusal.is_none()
            });
            request.batches.push(batch);
        }
        leave_out_forbidden::<E>(&mut request);
        Ok(request)
    }

    /// The plans for remote servers; `plans` makes them.
    pub(crate) fn request_elsewhere<E: Experiment>(
        &self,
        rows: &[Row],
        mut plans: impl FnMut(&Axes) -> Result<Vec<E::Plan>, UsageError>,
    ) -> Result<Request<E::Plan>, UsageError> {
        let transports = rows.iter().map(|(transport, _)| *transport).collect();
        let plans = plans(&self.axes(PathKind::Direct, transports)?)?;
        for setup in plans.iter().map(E::setup) {
            if let Some(reason) = setup.refusal() {
                return Err(UsageError::new(format!("--congestion {}: {reason}", setup.congestion)));
            }
        }
        let servers: Vec<Remote> = rows.iter().map(|(_, remote)| remote.clone()).collect();
        let mut batch = self.batch(PathKind::Direct, plans);
        batch.servers = servers.into_iter().cycle().take(batch.plans.len()).collect();
        Ok(Request { batches: vec![batch], skipped: Vec::new() })
    }

    /// Refuses options that describe a link where no path has one.
    fn check_link(&self) -> Result<(), UsageError> {
        let is_without = !self.path.is_empty() && self.path.iter().all(|path| !path.has_link());
        match self.link.first_given().filter(|_| is_without) {
            Some(option) => Err(UsageError::new(format!(
                "{option}: --path direct has no emulated link; use --path sim, relay or netns"
            ))),
            None => Ok(()),
        }
    }

    /// Refuses options that describe a path where servers are elsewhere.
    pub(crate) fn check_elsewhere(&self) -> Result<(), UsageError> {
        let given = (!self.path.is_empty()).then_some("--path").or(self.link.first_given());
        match given {
            Some(option) => Err(UsageError::new(format!(
                "{option}: servers by URL are reached over the real network, and no link is emulated"
            ))),
            None => Ok(()),
        }
    }

    fn batch<P>(&self, path: PathKind, plans: Vec<P>) -> Batch<P> {
        let default = if path.is_real_time() { D::REAL_TIME_SEEDS } else { D::SIM_SEEDS };
        Batch { path, seeds: self.seeds.unwrap_or(default), plans, servers: Vec::new() }
    }

    /// How many seeds the options name.
    pub(crate) fn set_seeds(&mut self, seeds: u64) {
        self.seeds.get_or_insert(seeds);
    }

    /// The controllers.
    pub(crate) fn congestion(&self) -> &[Congestion] {
        if self.congestion.is_empty() { slice::from_ref(&D::CONGESTION) } else { &self.congestion }
    }

    /// Every packet threshold with every time threshold.
    fn loss_detection(&self) -> Vec<LossDetection> {
        let with = |&packet_threshold: &u32| {
            let with =
                move |&time_threshold: &TimeThreshold| LossDetection { packet_threshold, time_threshold };
            self.time_threshold.iter().map(with)
        };
        self.packet_threshold.iter().flat_map(with).collect()
    }

    fn axes(&self, path: PathKind, transports: Vec<Transport>) -> Result<Axes, UsageError> {
        let mut links = self.link.links()?;
        if !path.has_link() {
            // Without a link, all links are the same one.
            links.truncate(1);
        }
        let (congestion, loss_detection) = (self.congestion().to_vec(), self.loss_detection());
        Ok(Axes { path, links, congestion, loss_detection, transports })
    }

    /// Which transports run on which path.
    fn transports(&self, skipped: &mut Vec<Skipped>) -> Vec<(PathKind, Vec<Transport>)> {
        let named = self.transport.clone().unwrap_or_else(|| Transports::These(D::TRANSPORTS.to_vec()));
        if let (true, Some(other)) = (self.path.is_empty(), D::OTHER_PATH) {
            let (simulated, others): (Vec<_>, Vec<_>) =
                named.all().into_iter().partition(|transport| PathKind::Sim.refuses(*transport).is_none());
            let paths = [(PathKind::Sim, simulated), (other, others)];
            return paths.into_iter().filter(|(_, transports)| !transports.is_empty()).collect();
        }
        let mut paths = Vec::new();
        let asked = if self.path.is_empty() { &[PathKind::Sim][..] } else { &self.path };
        for &path in asked {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let on = |path| {
            let (transports, refused) = named.on(path, D::COMMAND, &self.link.as_given());
            skipped.extend(refused);
            (path, transports)
        };
        paths.into_iter().map(on).collect()
    }
}

/// Prepares for network namespaces, while there is one thread: see [`netns::prepare`]. Where this process may not
/// create any, leaves out the batches that need them, and says why for each of their transports.
fn leave_out_forbidden<E: Experiment>(request: &mut Request<E::Plan>) {
    let needs = |batch: &Batch<E::Plan>| batch.path == PathKind::Netns;
    if !request.batches.iter().any(needs) {
        return;
    }
    let Err(error) = netns::prepare() else { return };
    let (forbidden, batches) = std::mem::take(&mut request.batches).into_iter().partition(needs);
    request.batches = batches;
    let forbidden: Vec<Batch<E::Plan>> = forbidden;
    for plan in forbidden.iter().flat_map(|batch| &batch.plans) {
        request.skip(&E::setup(plan), &error.to_string());
    }
}
