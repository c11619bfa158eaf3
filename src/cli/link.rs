//! `wirelab link`.

mod endpoint;
mod netns;
mod report;

use std::{
    ffi::OsString,
    fmt,
    io::{self, IsTerminal},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use wirelab::{
    experiment::Rebind,
    link::LinkSpec,
    path::{
        AddressChange, Host, NewAddress, Observers, QueueMeter, StopSignal,
        relay::{Relay, RelayLimits, RelayOptions, RelayReport},
    },
    unit::PerDirection,
};

use self::{
    endpoint::Endpoint,
    report::{LinkReport, live, write_unroutable},
};
use super::{
    in_real_time,
    options::{
        link::{LinkArgs, of_one_link, presets},
        link_capture::{LinkCapture, LinkCaptureArgs},
    },
    output,
    serve::tolerate_closed_pipe,
    system::Signals,
    usage::UsageError,
    values,
};

/// How often the live line is updated.
const TICK: Duration = Duration::from_millis(250);

/// Put the emulated link in front of any UDP program, or between any two programs
///
/// Relays datagrams between clients and one server, and delays, drops and changes them as the link options say. All
/// clients share the link; the server sees each client on its own port. The same seed drops the same packets, counted
/// from the first in each direction. Ctrl-C or SIGTERM stops it, and a report counts all packets.
///
/// With --netns it runs the commands of a server and a client instead, each in its own network namespace. The link
/// between them carries IP packets, so it also affects TCP. The server is 10.0.0.2 and the client 10.0.0.1, also set in
/// WIRELAB_SERVER and WIRELAB_CLIENT; there is no name resolution and no other network. The client keeps the terminal
/// and the pipes. The output of the server and the report go to standard error; with -J the report goes to standard
/// output, after the client's output. The exit status is the client's (128 plus the signal number if a signal ended
/// it). Ctrl-C and SIGTERM are forwarded to the client, which has 2s to exit after SIGTERM; a second signal stops
/// everything with exit status 130, except a Ctrl-C that the client receives from the terminal itself. When the client
/// has exited, the server is sent SIGTERM, and after 2s all remaining processes are killed. They are also killed if
/// wirelab is.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = format!("{}\n{EXAMPLES}", presets()),
    mut_args(of_one_link),
)]
pub(crate) struct Link {
    /// Address to listen on: host:port, or a port on loopback; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", required_unless_present = "netns")]
    listen: Option<Endpoint>,
    /// Address of the server: host:port, or a port on loopback
    #[arg(long, value_name = "ADDRESS", required_unless_present = "netns")]
    to: Option<Endpoint>,
    /// Seed of losses and all other random draws
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::whole::<u64>(0, u64::MAX))]
    seed: u64,
    /// Stop after this time
    #[arg(short, long, value_name = "DURATION", value_parser = values::some_time)]
    duration: Option<Duration>,
    /// Maximum number of clients; a further one replaces the client that was idle for longest [default: 512]
    #[arg(long, value_name = "N", value_parser = values::whole::<NonZeroUsize>(1, 1_000_000))]
    max_clients: Option<NonZeroUsize>,
    /// Forget clients that were idle for this time [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = values::some_time)]
    idle: Option<Duration>,
    /// Change the addresses at which the server sees the clients after this time, like a NAT that forgets its mappings:
    /// AT or AT:port for new ports, AT:ip for another loopback address, for a server on 127.0.0.1. Packets to the old
    /// addresses are then dropped. With --netns only AT:ip: this long after the client's start, the kernel takes away
    /// its address and adds 10.0.0.101
    #[arg(long, value_name = "AT[:port|ip]", value_parser = values::parse::<Rebind>)]
    rebind: Option<Rebind>,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    capture: LinkCaptureArgs,
    /// Print the report as JSON
    #[arg(short = 'J', long, help_heading = "Output")]
    json: bool,
    /// Print only the report
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    /// Do not draw the live line
    #[arg(long, help_heading = "Output")]
    no_progress: bool,
}

/// The programs on either side of the link.
#[derive(Debug, Args)]
#[command(next_help_heading = "Between two programs")]
struct ProgramArgs {
    /// Run the commands of a server and a client in network namespaces, with the link between them
    #[arg(long, requires_all = ["server", "command"])]
    netns: bool,
    /// The server's command, for sh -c
    #[arg(long, value_name = "COMMAND", requires = "netns")]
    server: Option<String>,
    /// How long to wait until the server listens on a TCP or UDP port before the client starts; 0s does not wait
    /// [default: 5s]
    #[arg(long, value_name = "DURATION", requires = "netns", value_parser = values::duration)]
    wait: Option<Duration>,
    /// The client's command and its arguments
    #[arg(last = true, value_name = "COMMAND", requires = "netns")]
    command: Vec<OsString>,
}

/// Defaults of `--max-clients` and `--idle`.
const MAX_CLIENTS: NonZeroUsize = NonZeroUsize::new(512).expect("not zero");
const IDLE: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  wirelab link --listen 127.0.0.1:9000 --to 127.0.0.1:9999
      50 ms round trip and 1% loss each way in front of a server on this machine
  wirelab link --listen 9000 --to 9999 --jitter 20ms --loss gilbert:1%:25%
      jitter, and losses that come in bursts
  wirelab link --listen 5300 --to '[::1]:53' --loss drop:1 --to-client loss=0%
      only the first query is lost
  wirelab link --listen 4400 --to 4433 --preset lte --duration 30s -J
      a named link in front of a QUIC server for half a minute
  wirelab link --listen 4400 --to 4433 --loss 0% --rebind 5s
      the server sees its clients at new ports after 5 s: QUIC must migrate
  wirelab link --netns --loss 0% --server 'iperf3 -s -1' -- iperf3 -c 10.0.0.2
      the kernel's TCP over a round trip of 50 ms
  wirelab link --netns --server 'python3 -m http.server 80' -- curl -s 10.0.0.2
      a web page over 1% loss each way
  wirelab link --netns --loss 0% --rebind 2s:ip --server ./server -- ./client
      the kernel changes the client's address after 2 s: connections of TCP break

Without --netns it carries only UDP. A program that also opens a TCP connection
to the same port, like iperf3, needs --netns.";

impl Link {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.programs.netns {
            return netns::run(&self);
        }
        in_real_time(|host| self.relay(host))
    }

    async fn relay(self, host: Arc<dyn Host>) -> anyhow::Result<ExitCode> {
        let options = self.options()?;
        // Before the relay starts, so that no signal is missed.
        let mut signals = Signals::new()?;
        let stop = StopSignal::default();
        let capture = self.capture.begin("link", &stop)?;
        let (queue, observers) = watched(&options.links, capture.as_ref());
        let relay = Relay::start(host.clone(), &options, observers)?;
        if let Some((change, rebind)) = options.change.as_ref().zip(self.rebind) {
            change.schedule(host.now() + rebind.at);
        }
        let ready = format!("relaying {} to {}", relay.local_addr(), options.to);
        if self.json {
            output::note(&ready);
        } else {
            tolerate_closed_pipe(output::line(&ready))?;
        }
        self.until_done(&*host, &relay, &mut signals, &stop).await;
        let captured = capture.map_or(Ok(()), |capture| capture.complete());
        let report = relay.report();
        if let Some(failure) = relay.failure() {
            return Err(failure.into());
        }
        let queue = queue.as_ref().map(QueueMeter::delays).unwrap_or_default();
        let link = LinkReport {
            seed: options.seed,
            links: &options.links,
            counters: report.wire,
            queue,
            fidelity: report.fidelity.clone(),
        };
        let shown = Shown { options: &options, local: relay.local_addr(), report: &report, link };
        match self.json {
            true => output::line(serde_json::to_string_pretty(&shown.json())?)?,
            false => output::line(shown.to_string())?,
        }
        captured?;
        Ok(ExitCode::SUCCESS)
    }

    fn options(&self) -> anyhow::Result<RelayOptions> {
        let links = self.link.only_link()?;
        let (Some(listen), Some(to)) = (&self.listen, &self.to) else {
            return Err(UsageError::new("--listen and --to are required").into());
        };
        let (listen, to) = (listen.resolve()?, to.resolve()?);
        let refused = match to.ip().to_canonical() {
            _ if to.port() == 0 => Some("port 0 is not valid here"),
            _ if listen == to => Some("is where this listens; name the server's address"),
            ip if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                Some("is the address of many; name that of one server")
            }
            _ => None,
        };
        if let Some(why) = refused {
            return Err(UsageError::new(format!("--to: {why}")).into());
        }
        let most = self.max_clients.unwrap_or(MAX_CLIENTS);
        let clients = RelayLimits { most, idle: Some(self.idle.unwrap_or(IDLE)) };
        let needs_loopback = self.rebind.is_some_and(|rebind| rebind.what == NewAddress::Ip);
        if needs_loopback && !matches!(to.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
            let why = "another IP address needs a server on 127.0.0.1; use AT:port";
            return Err(UsageError::new(format!("--rebind: {why}")).into());
        }
        let change = self.rebind.map(|rebind| AddressChange::new(rebind.what, None));
        Ok(RelayOptions { listen, to, links, seed: self.seed, clients, change })
    }

    /// Waits for a signal, the end of the duration, or a failure.
    async fn until_done(&self, host: &dyn Host, relay: &Relay, signals: &mut Signals, stop: &StopSignal) {
        let ends = self.duration.map(|duration| host.now() + duration);
        let line = self.live_line();
        loop {
            let tick = host.now() + TICK;
            let until = ends.map_or(tick, |ends| ends.min(tick));
            tokio::select! {
                biased;
                () = signals.any() => break,
                () = stop.stopped() => break,
                () = host.sleep_until(until) => {}
            }
            if relay.failure().is_some() || ends.is_some_and(|ends| host.now() >= ends) {
                break;
            }
            line.set_message(live(relay.counters()));
            line.tick();
        }
        line.finish_and_clear();
    }

    fn live_line(&self) -> ProgressBar {
        if self.quiet || self.no_progress || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let line = ProgressBar::new_spinner();
        line.set_style(
            ProgressStyle::with_template("{spinner} {elapsed} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        line
    }
}

/// The observers of a link, and the meter of its queues, if it has any.
fn watched(links: &PerDirection<LinkSpec>, capture: Option<&LinkCapture>) -> (Option<QueueMeter>, Observers) {
    let queue = QueueMeter::new(links);
    let mut observers = LinkCapture::observers(capture);
    queue.iter().for_each(|queue| observers.push(Box::new(queue.clone())));
    (queue, observers)
}

/// The report of a relay.
struct Shown<'a> {
    options: &'a RelayOptions,
    local: SocketAddr,
    report: &'a RelayReport,
    link: LinkReport<'a>,
}

impl Shown<'_> {
    fn json(&self) -> Value {
        let Self { options, local, report, link } = self;
        let clients = report.clients;
        let mut json = link.json();
        json["to_server"]["sent"] = report.sent.to_server.into();
        json["to_client"]["sent"] = report.sent.to_client.into();
        json["listen"] = local.to_string().into();
        json["to"] = options.to.to_string().into();
        json["server_refused"] = report.refused.into();
        json["unroutable"] = options.change.as_ref().map(AddressChange::unroutable).into();
        json["clients"] = json!({
            "accepted": clients.accepted,
            "known": clients.known,
            "idle": clients.idle,
            "displaced": clients.displaced,
            "refused_packets": clients.refused,
        });
        json
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, report, link, .. } = self;
        let clients = report.clients;
        link.write_directions(f)?;
        write_unroutable(options.change.as_ref(), f)?;
        write!(f, "\nclients: {}", clients.accepted)?;
        for (count, what) in [
            (clients.idle, "forgotten as idle"),
            (clients.displaced, "forgotten to make room"),
            (clients.refused, "packets of further clients refused"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        link.write_fidelity(f)?;
        if report.refused > 0 {
            write!(
                f,
                "\nthe server's host refused packets {} times: nothing listens on that port",
                report.refused
            )?;
        }
        Ok(())
    }
}
