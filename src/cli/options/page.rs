//! The options of `--workload page`.

use clap::Args;

use crate::cli::values::{name, whole};
use wirelab::experiment::page::{Mode, Page, PageLoads};

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

impl PageArgs {
    /// The loads of this page.
    pub(crate) fn loads(&self, page: &Page, flows: u32) -> PageLoads {
        let Self { mode, connections, loads } = self.clone();
        PageLoads { page: page.clone(), modes: mode, connections, flows, loads }
    }
}
