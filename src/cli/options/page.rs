//! The options of `--workload page`.

use clap::Args;

use super::matrix::Axes;
use crate::cli::values::{name, whole};
use wirelab::{
    experiment::{
        Setup,
        page::{Mode, Page, PagePlan},
    },
    transport::Transport,
};

/// How a page is loaded.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A page (--workload page)")]
pub(crate) struct PageArgs {
    /// What the client knows of the server: cold (nothing), resumed (a session ticket), 0rtt (a session ticket, and the
    /// first request goes with the first flight). Transports without TLS are always cold
    #[arg(long, value_name = "MODE,..", value_delimiter = ',', default_value = "cold", value_parser = name::<Mode>)]
    mode: Vec<Mode>,
    /// The most connections of tcp and tls. One carries all requests at once, in one ordered stream, as HTTP/2 does. Of
    /// several, each carries one request at a time, as with HTTP/1.1. The other transports have one
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_value = "6,1", value_parser = whole::<u32>(1, MAX_CONNECTIONS))]
    connections: Vec<u32>,
    /// Loads of a seed, one after another, each over new connections [default: 5 in sim, 3 in real time]
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1, 100_000))]
    loads: Option<u64>,
}

/// More connections than this are a typing error.
const MAX_CONNECTIONS: u64 = 100;
const SIM_LOADS: u64 = 5;
const REAL_TIME_LOADS: u64 = 3;

impl PageArgs {
    /// The plans of one path.
    pub(crate) fn plans(&self, axes: &Axes, page: &Page, flows: u32) -> Vec<PagePlan> {
        let mut plans = Vec::new();
        for setup in axes.links().iter().flat_map(|links| axes.setups(links)) {
            for &connections in self.connections(setup.transport) {
                for mode in self.modes(setup.transport) {
                    let Setup { path, transport, links, congestion, loss_detection } = setup;
                    let default = if path.is_real_time() { REAL_TIME_LOADS } else { SIM_LOADS };
                    plans.push(PagePlan {
                        path,
                        transport,
                        links: links.clone(),
                        congestion,
                        loss_detection,
                        page: page.clone(),
                        mode,
                        connections,
                        flows,
                        loads: self.loads.unwrap_or(default),
                    });
                }
            }
        }
        plans
    }

    /// The numbers of connections of a transport.
    fn connections(&self, transport: Transport) -> &[u32] {
        if PagePlan::has_connections(transport) { &self.connections } else { &[1] }
    }

    /// The modes of a transport. One without TLS is always cold.
    fn modes(&self, transport: Transport) -> impl Iterator<Item = Mode> {
        let own = self.mode.iter().copied().filter(move |mode| mode.is_of(transport));
        let is_without = self.mode.iter().all(|mode| !mode.is_of(transport));
        own.chain(is_without.then_some(Mode::Cold))
    }
}
