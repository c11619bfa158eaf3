//! Options in, plans out.

use std::fs;

use wirelab::{
    experiment::{
        PathKind, Remote,
        transfer::{Direction, TransferPlan},
    },
    report::Skipped,
    transfer::Content,
    transport::{Congestion, Transport},
    unit::Size,
};

use super::{Transfer, What};
use crate::cli::{
    UsageError,
    experiment::{OnPath, leave_out_forbidden, servers::ServerArgs, transports::Transports},
};

/// What is to be transferred, path by path.
pub(super) struct Request {
    pub(super) batches: Vec<Batch>,
    pub(super) skipped: Vec<Skipped>,
}

/// The plans of one path.
pub(super) struct Batch {
    pub(super) path: PathKind,
    pub(super) plans: Vec<TransferPlan>,
    /// The server of each plan, where they are elsewhere.
    pub(super) servers: Vec<Remote>,
    pub(super) seeds: u64,
}

const DEFAULT_BYTES: Size = Size::from_bytes(10 << 20);

const DEFAULT_TRANSPORTS: [Transport; 6] = [
    Transport::UDP,
    Transport::ARQ_SELECTIVE,
    Transport::QUIC_ONE,
    Transport::QUIC_FLOW,
    Transport::QUIC_MESSAGE,
    Transport::QUIC_DATAGRAM,
];

impl OnPath for Batch {
    fn path(&self) -> PathKind {
        self.path
    }

    fn transports(&self) -> Vec<Transport> {
        self.plans.iter().map(|plan| plan.transport).collect()
    }
}

impl Transfer {
    /// Everything that the options ask for.
    pub(super) fn request(&self) -> anyhow::Result<Request> {
        let content = self.content()?;
        let servers: Vec<_> = self.what.iter().filter_map(What::server).cloned().collect();
        let mut request = Request { batches: Vec::new(), skipped: Vec::new() };
        if servers.is_empty() {
            let named =
                self.transport.clone().unwrap_or_else(|| Transports::These(DEFAULT_TRANSPORTS.to_vec()));
            let default = [PathKind::Sim];
            for &path in if self.path.is_empty() { &default[..] } else { &self.path } {
                let (transports, skipped) = named.on(path);
                request.skipped.extend(skipped);
                request.batches.push(self.batch(path, &transports, &content)?);
            }
        } else {
            request.batches.push(self.elsewhere(ServerArgs::new(servers, self.peer.clone()), &content)?);
        }
        request.skipped.extend(leave_out_forbidden(&mut request.batches));
        let runs: u64 = request.batches.iter().map(|batch| batch.plans.len() as u64 * batch.seeds).sum();
        if self.save.is_some() && runs != 1 {
            return Err(UsageError::new(format!(
                "--save: these options make {runs} transfers, and one file holds one: name one transport with -t, \
                 and no lists"
            ))
            .into());
        }
        Ok(request)
    }

    fn content(&self) -> Result<Content, UsageError> {
        let files: Vec<_> = self.what.iter().filter_map(What::file).collect();
        match (&files[..], self.bytes) {
            ([], bytes) => {
                Ok(Content::Generated { bytes: bytes.unwrap_or(DEFAULT_BYTES).bytes(), seed: self.seed })
            }
            ([_], Some(_)) => {
                Err(UsageError::new("--bytes: a file has its own length; name one or the other"))
            }
            ([path], None) => {
                let bytes = fs::metadata(path)
                    .map(|file| file.len())
                    .map_err(|e| UsageError::new(format!("cannot read {}: {e}", path.display())))?;
                Ok(Content::File { path: (*path).clone(), bytes })
            }
            _ => Err(UsageError::new("one transfer moves one file: name one")),
        }
    }

    /// What is moved to or from servers by URL.
    fn elsewhere(&self, servers: ServerArgs, content: &Content) -> anyhow::Result<Batch> {
        let refused = [(!self.path.is_empty()).then_some("--path"), self.link.first_given()];
        if let Some(option) = refused.into_iter().flatten().next() {
            let why = "servers by URL are reached over the real network, and no link is emulated";
            return Err(UsageError::new(format!("{option}: {why}")).into());
        }
        match content {
            Content::File { .. } if self.down => {
                return Err(
                    UsageError::new("--down: a server by URL has no files to give; ask for --bytes").into()
                );
            }
            _ if self.save.is_some() && !self.down => {
                return Err(
                    UsageError::new("--save: a server by URL keeps nothing; it goes with --down").into()
                );
            }
            _ => {}
        }
        let rows = servers.rows(self.transport.as_ref())?;
        for (transport, _) in &rows {
            if let Some(why) = transport.spec().no_remote_transfer {
                let scheme = transport.scheme().name;
                return Err(
                    UsageError::new(format!("a server by URL moves nothing over {scheme}: {why}")).into()
                );
            }
        }
        let transports: Vec<Transport> = rows.iter().map(|(transport, _)| *transport).collect();
        let mut batch = self.batch(PathKind::Direct, &transports, content)?;
        batch.servers = rows.into_iter().map(|(_, remote)| remote).cycle().take(batch.plans.len()).collect();
        Ok(batch)
    }

    fn batch(
        &self,
        path: PathKind,
        transports: &[Transport],
        content: &Content,
    ) -> Result<Batch, UsageError> {
        let links = self.link.links()?;
        // Without a link, all links are the same one.
        let links = if path.has_link() { &links[..] } else { &links[..1] };
        let default = [Congestion::Cubic];
        let controllers = if self.congestion.is_empty() { &default[..] } else { &self.congestion[..] };
        let mut plans = Vec::new();
        for link in links {
            for &congestion in controllers {
                for &transport in transports {
                    plans.push(TransferPlan {
                        path,
                        transport,
                        links: link.clone(),
                        congestion,
                        flows: self.flows,
                        pace: self.pace,
                        direction: if self.down { Direction::Down } else { Direction::Up },
                        content: content.clone(),
                    });
                }
            }
        }
        let seeds = if path.is_real_time() || self.save.is_some() { 1 } else { 5 };
        Ok(Batch { path, plans, servers: Vec::new(), seeds: self.seeds.unwrap_or(seeds) })
    }
}

impl What {
    fn file(&self) -> Option<&std::path::PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }

    fn server(&self) -> Option<&wirelab::target::Target> {
        match self {
            Self::Server(url) => Some(url),
            Self::File(_) => None,
        }
    }
}
