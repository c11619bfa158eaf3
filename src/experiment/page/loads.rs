//! What the options of `--workload page` ask for.

use super::{
    model::Page,
    plan::{Mode, PagePlan},
};
use crate::{experiment::setup::Setup, transport::Transport};

/// How a page is loaded. Each transport is loaded in every way that it has.
#[derive(Debug, Clone)]
pub struct PageLoads {
    /// The page.
    pub page: Page,
    /// What the client knows of the server before.
    pub modes: Vec<Mode>,
    /// The most connections of a load.
    pub connections: Vec<u32>,
    /// Streams that `quic-flow` spreads the objects over.
    pub flows: u32,
    /// Loads of a seed. `None`: what is usual on the path.
    pub loads: Option<u64>,
}

const SIM_LOADS: u64 = 5;
const REAL_TIME_LOADS: u64 = 3;

impl PageLoads {
    /// The default numbers of connections: those of a browser with HTTP/1.1, and that of HTTP/2.
    pub(crate) const CONNECTIONS: [u32; 2] = [6, 1];

    /// The plans for these points of the matrix.
    pub fn plans<'a>(&self, setups: impl IntoIterator<Item = Setup<'a>>) -> Vec<PagePlan> {
        let each = |setup: Setup<'a>| {
            let Setup { path, transport, links, congestion, loss_detection } = setup;
            let default = if path.is_real_time() { REAL_TIME_LOADS } else { SIM_LOADS };
            let with = move |connections: u32, mode: Mode| PagePlan {
                path,
                transport,
                links: links.clone(),
                congestion,
                loss_detection,
                page: self.page.clone(),
                mode,
                connections,
                flows: self.flows,
                loads: self.loads.unwrap_or(default),
            };
            let connections = self.connections(transport).iter();
            connections
                .flat_map(move |&connections| self.modes(transport).map(move |mode| with(connections, mode)))
        };
        setups.into_iter().flat_map(each).collect()
    }

    /// The numbers of connections of a transport.
    fn connections(&self, transport: Transport) -> &[u32] {
        if PagePlan::has_connections(transport) { &self.connections } else { &[1] }
    }

    /// The modes of a transport. One without TLS is always cold.
    fn modes(&self, transport: Transport) -> impl Iterator<Item = Mode> {
        let own = self.modes.iter().copied().filter(move |mode| mode.is_of(transport));
        let is_without = self.modes.iter().all(|mode| !mode.is_of(transport));
        own.chain(is_without.then_some(Mode::Cold))
    }
}
