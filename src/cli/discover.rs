//! `wirelab discover`.

use std::{io::IsTerminal as _, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use wirelab::{
    discover::{Findings, Found, OtherVersion, PORT, Scope, Search, search},
    path::Host,
    target::Family,
    unit::format_duration,
    wire::discovery::VERSION,
};

use super::{
    in_real_time,
    interrupt::INTERRUPTED,
    output::{self, printable},
    system::Signals,
    values,
};

/// Find servers on the local network that were started with `serve --discoverable`
///
/// Sends a query to a multicast group on each interface and lists the servers that answer, each once, with its shortest
/// round trip. The exit status is 1 if none does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab discover
      on this link
  wirelab discover --broadcast --wait 3s
      also where multicast is filtered
  wirelab discover --scope site --hops 4
      also behind up to three routers
  wirelab discover --interface eth0 -J
      on one interface, as JSON")]
pub(crate) struct Discover {
    /// How far multicast queries go: link or site
    #[arg(long, value_name = "SCOPE", default_value = "link")]
    scope: ScopeName,
    /// The TTL or hop limit of queries with --scope site [default: 1, this link]
    #[arg(long, value_name = "N", value_parser = values::whole::<u8>(1, 255))]
    hops: Option<u8>,
    /// Ask the broadcast address of each interface, too
    #[arg(long)]
    broadcast: bool,
    /// Ask on this interface only; repeatable [default: all but loopback]
    #[arg(long, value_name = "NAME")]
    interface: Vec<String>,
    /// How long to wait for answers
    #[arg(short, long, value_name = "DURATION", default_value = "1s", value_parser = values::some_time)]
    wait: Duration,
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6')]
    ipv6: bool,
    /// Print the list as JSON
    #[arg(short = 'J', long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScopeName {
    Link,
    Site,
}

impl Discover {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        in_real_time(|host| self.discover(host))
    }

    async fn discover(self, host: Arc<dyn Host>) -> anyhow::Result<ExitCode> {
        let scope = match self.scope {
            ScopeName::Link if self.hops.is_some() => {
                return Err(super::UsageError::new(
                    "--hops: queries to this link are never forwarded; add --scope site",
                )
                .into());
            }
            ScopeName::Link => Scope::Link,
            ScopeName::Site => Scope::Site,
        };
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        };
        let settings = Search {
            scope,
            hops: self.hops.unwrap_or(1),
            broadcast: self.broadcast,
            interfaces: self.interface,
            family,
            wait: self.wait,
        };
        let mut signals = Signals::new()?;
        let findings = tokio::select! {
            biased;
            () = signals.any() => return Ok(ExitCode::from(INTERRUPTED)),
            findings = search(&host, &settings) => findings?,
        };
        if self.json {
            output::line(serde_json::to_string_pretty(&findings)?)?;
        } else {
            findings.servers.iter().try_for_each(|server| output::line(text(server)))?;
        }
        summarize(&findings, self.wait);
        Ok(if findings.servers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// The text for one server: a line for the server and one for each of its URLs.
fn text(server: &Found) -> String {
    let millis = server.round_trip.as_secs_f64() * 1e3;
    let mut text = format!("{} ({}), {millis:.3} ms", printable(&server.name), printable(&server.program));
    for url in &server.urls {
        text += "\n  ";
        text += url;
    }
    text
}

fn summarize(findings: &Findings, wait: Duration) {
    for OtherVersion { address, interface, version } in &findings.other_versions {
        output::note(format_args!(
            "{address} on {interface} answered in version {version} of the discovery format; this program has version \
             {VERSION}"
        ));
    }
    let interfaces = findings.interfaces.join(", ");
    let ignored = match findings.ignored {
        0 => String::new(),
        1 => "; 1 datagram was not an answer".to_owned(),
        n => format!("; {n} datagrams were not answers"),
    };
    match findings.servers.len() {
        0 => output::complain(format_args!(
            "no server answered on {interfaces} within {}{ignored}; servers answer with `serve --discoverable`, where UDP port \
             {PORT} is open",
            format_duration(wait)
        )),
        n if std::io::stderr().is_terminal() || findings.ignored > 0 => {
            let servers = if n == 1 { "server" } else { "servers" };
            output::note(format_args!("{n} {servers} on {interfaces}{ignored}"));
        }
        _ => {}
    }
}
