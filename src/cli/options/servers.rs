//! Servers by URL, instead of a path.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use clap::Args;

use super::transports::Transports;
use crate::cli::{output::note, peer::PeerArgs, usage::UsageError, values};
use wirelab::{
    experiment::{Remote, Workload},
    target::Target,
    transport::{Scheme, Transport},
};

/// Servers by URL.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Servers by URL")]
pub(crate) struct ServerArgs {
    #[arg(value_name = "URL", help_heading = "Servers by URL", help = format!(
        "Measure these servers over the real network, without an emulated link: {}. Without a query, a URL means all \
         transports of its scheme, or those that -t names", Scheme::forms(|_| true)))]
    urls: Vec<Target>,
    #[command(flatten)]
    dial: DialArgs,
}

/// How servers by URL are reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct DialArgs {
    /// Time limit for connecting to a server by URL
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::some_time)]
    timeout: Duration,
    #[command(flatten)]
    peer: PeerArgs,
}

/// A server and how messages travel to it.
pub(crate) type Row = (Transport, Remote);

/// The most messages a second sent to another machine, …
const MAX_MESSAGES: f64 = 100e3;
/// … and bits a second. The program measures networks and must not flood them.
const MAX_BITS: f64 = 1e9;

impl ServerArgs {
    /// These servers.
    pub(crate) fn new(urls: Vec<Target>, dial: DialArgs) -> Self {
        Self { urls, dial }
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        !self.urls.is_empty()
    }

    /// A row for each server and transport, in the order of the URLs.
    pub(crate) fn rows(&self, named: Option<&Transports>) -> anyhow::Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        for url in &self.urls {
            if url.port == 0 {
                return Err(UsageError::new(format!("cannot send to {url}: port 0 is not valid here")).into());
            }
            let transports = transports(url, named);
            if transports.is_empty() {
                return Err(UsageError::new(format!("--transport: {url} supports none of them")).into());
            }
            let remote = Remote {
                url: url.to_string(),
                addresses: url.resolve(self.dial.peer.family())?,
                answered: Arc::default(),
                timeout: self.dial.timeout,
                deadline: None,
                tls: self.dial.peer.tls(url)?,
                shared_key: self.dial.peer.shared_key(url)?,
                seed: None,
            };
            rows.extend(transports.into_iter().map(|transport| (transport, remote.clone())));
        }
        if let Some(Transports::These(named)) = named
            && let Some(name) = named.iter().find(|name| rows.iter().all(|(spoken, _)| spoken != *name))
        {
            return Err(UsageError::new(format!("--transport {name}: no URL supports it")).into());
        }
        Ok(rows)
    }
}

/// How messages travel to `url`: as it says, and where it leaves it open as `named` says.
fn transports(url: &Target, named: Option<&Transports>) -> Vec<Transport> {
    let speaks = url.transports();
    match named {
        Some(Transports::These(named)) => speaks.into_iter().filter(|name| named.contains(name)).collect(),
        _ => speaks,
    }
}

/// Announces the load on other machines, and refuses one that would flood them.
pub(crate) fn check_load(rows: &[Row], workloads: &[Workload], quiet: bool) -> Result<(), UsageError> {
    let others = rows.iter().filter(|(_, remote)| !remote.addresses.iter().all(is_loopback));
    let mut urls: Vec<&str> = others.map(|(_, remote)| remote.url.as_str()).collect();
    urls.dedup();
    if urls.is_empty() {
        return Ok(());
    }
    let urls = urls.join(", ");
    for workload in workloads {
        let messages = 1.0 / workload.interval.as_secs_f64();
        let bits = messages * 8.0 * workload.length as f64;
        if messages > MAX_MESSAGES || bits > MAX_BITS {
            return Err(UsageError::new(format!(
                "--interval: {messages:.0} messages or {:.0} Mbit a second would flood {urls}; no more than \
                 {MAX_MESSAGES:.0} and {:.0} are sent to another machine",
                bits / 1e6,
                MAX_BITS / 1e6,
            )));
        }
        if !quiet {
            note(format_args!(
                "sending {messages:.0} messages of {} bytes a second ({:.2} Mbit/s) to {urls}, one after the other",
                workload.length,
                bits / 1e6
            ));
        }
    }
    Ok(())
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
