//! The options of a matrix: transports and controllers, on a grid of paths, links and seeds.

use std::slice;

use clap::Args;
use wirelab::{
    experiment::{Experiment, PathKind, Remote, Request, Setup},
    link::LinkSpec,
    report::Skipped,
    transport::{Congestion, LossDetection, TimeThreshold, Transport},
    unit::PerDirection,
};

use super::{
    grid::{Defaults, GridArgs},
    servers::Row,
    transports::Transports,
};
use crate::cli::{
    usage::UsageError,
    values::{parse, whole},
};

/// What is compared: lists make a matrix.
#[derive(Debug, Clone, Args)]
pub(crate) struct MatrixArgs<D: Defaults> {
    #[arg(short, long, value_name = "LIST", value_parser = parse_transports::<D>, help = transport_help::<D>())]
    transport: Option<Transports>,
    #[arg(short = 'C', long, value_name = "NAME,..", value_delimiter = ',')]
    #[arg(value_parser = parse::<Congestion>, help = congestion_help::<D>())]
    congestion: Vec<Congestion>,
    /// When QUIC and arq declare a packet lost: one sent this many packets later was acknowledged (RFC 9002 section
    /// 6.1.1). A threshold above the reordering of the link avoids needless retransmissions
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "3")]
    #[arg(value_parser = whole::<u32>(1, u32::MAX.into()))]
    packet_threshold: Vec<u32>,
    /// The same by time: a later packet was acknowledged, and this many round trips have passed since it was sent
    /// (section 6.1.2), such as 9/8 or 2
    #[arg(long, value_name = "X,..", value_delimiter = ',', default_value = "1.125")]
    #[arg(value_parser = parse::<TimeThreshold>)]
    time_threshold: Vec<TimeThreshold>,
    #[command(flatten)]
    pub(crate) grid: GridArgs<D>,
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

fn parse_transports<D: Defaults>(list: &str) -> Result<Transports, String> {
    if list.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("these are transports, such as udp,tcp,quic; {}", D::HOW_LONG));
    }
    list.to_lowercase().parse::<Transports>().map_err(|e| e.to_string())
}

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

    /// Compares these transports if none were asked for.
    pub(crate) fn default_to(&mut self, transports: &[Transport]) {
        self.transport.get_or_insert_with(|| Transports::These(transports.to_vec()));
    }

    /// The plans of every path; `plans` makes those of one. Leaves out what cannot be run, and says why.
    pub(crate) fn request<E: Experiment>(
        &self,
        mut plans: impl FnMut(&Axes) -> Result<Vec<E::Plan>, UsageError>,
    ) -> Result<Request<E::Plan>, UsageError> {
        let mut skipped = Vec::new();
        let on_paths = self.transports(&mut skipped);
        self.grid.request::<E, _>(skipped, on_paths, |path, transports| plans(&self.axes(path, transports)?))
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
        let mut batch = self.grid.batch(PathKind::Direct, plans);
        batch.servers = servers.into_iter().cycle().take(batch.plans.len()).collect();
        Ok(Request { batches: vec![batch], skipped: Vec::new() })
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
        let links = self.grid.links(path)?;
        let (congestion, loss_detection) = (self.congestion().to_vec(), self.loss_detection());
        Ok(Axes { path, links, congestion, loss_detection, transports })
    }

    /// Which transports run on which path.
    fn transports(&self, skipped: &mut Vec<Skipped>) -> Vec<(PathKind, Vec<Transport>)> {
        let named = self.transport.clone().unwrap_or_else(|| Transports::These(D::TRANSPORTS.to_vec()));
        if let (true, Some(other)) = (self.grid.path.is_empty(), D::OTHER_PATH) {
            let (simulated, others): (Vec<_>, Vec<_>) =
                named.all().into_iter().partition(|transport| PathKind::Sim.refuses(*transport).is_none());
            let paths = [(PathKind::Sim, simulated), (other, others)];
            return paths.into_iter().filter(|(_, transports)| !transports.is_empty()).collect();
        }
        let on = |path| {
            let (transports, refused) = named.on(path, D::COMMAND, &self.grid.sweep.given);
            skipped.extend(refused);
            (path, transports)
        };
        self.grid.paths().into_iter().map(on).collect()
    }
}
