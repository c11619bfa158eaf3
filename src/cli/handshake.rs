//! `wirelab handshake`.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use wirelab::{
    experiment::{
        End, Handshake as Experiment, HandshakePlan, Held, Mode, PathKind, Request, Setup, entry,
        handshake_config, run_end,
    },
    transport::Transport,
};

use super::{
    driver::{Finished, Prepared},
    options::{
        capture::CaptureArgs,
        grid::Defaults,
        link::presets,
        matrix::{Axes, MatrixArgs},
        output::OutputArgs,
        sweep::SweepArgs,
    },
    system::raise_file_limit,
    usage::UsageError,
    values,
};

/// Measure the time from nothing to the first reply and to the second: cold, resumed, 0-RTT
///
/// Makes many connections, each with an endpoint and a port of its own. Each sends a request, waits for the reply,
/// sends a second request, waits for its reply, and closes. Resumed and 0-RTT connections use a session of an earlier
/// connection, which does not count. Times run from the instant before the connection was started.
///
/// The connections of a seed follow each other on one wire: drop: counts the packets of all of them, and outage: counts
/// time from the start of the first, including those that only fetch a session.
///
/// The exit status is 1 if more than half of the connections of a row failed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{}\n{EXAMPLES}", presets()))]
pub(crate) struct Handshake {
    /// What the client knows of the server: cold (nothing), resumed (a session ticket), 0rtt (a session ticket, and
    /// the request goes with the first flight) [default: all that the transport has]
    #[arg(long, value_name = "MODE,..", value_delimiter = ',', value_parser = values::name::<Mode>)]
    mode: Vec<Mode>,
    /// Connections of a seed [default: 100 in sim, 10 in real time, 1000 on direct]
    #[arg(short = 'n', long, alias = "count", value_name = "N", value_parser = values::whole::<u64>(1, 1_000_000))]
    connections: Option<u64>,
    /// Hold this many connections open at a time, for each number of the list, and measure the memory that they take at
    /// each end. The ends are processes of their own on this machine's loopback [default: one seed]
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = values::whole::<u64>(1, 1_000_000))]
    #[arg(conflicts_with_all = ["connections", "parallel", "mode", "pcap", "qlog", "keylog"])]
    hold: Vec<u64>,
    /// Be one end of --hold: server or client:PORT
    #[arg(long, value_name = "END", hide = true, requires = "hold", value_parser = values::parse::<End>)]
    end: Option<End>,
    /// Connections at a time, in real time; how many packets each takes is then not known
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::whole::<u16>(1, 1000))]
    parallel: u16,
    /// Bytes of a request, and of a reply
    #[arg(short, long, value_name = "SIZE", default_value = "100", value_parser = length)]
    length: usize,
    /// How long a connection may take to its second reply [default: 60s in sim, 10s in real time,
    /// 2s over UDP there]
    #[arg(long, value_name = "TIME", value_parser = values::some_time)]
    timeout: Option<Duration>,
    /// Pad the server's certificate to about this many bytes: a QUIC server may answer a newcomer with three times
    /// what it was sent (RFC 9000 section 8.1), and a longer first flight costs one more round trip
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = certificate)]
    cert_bytes: usize,
    #[command(flatten)]
    matrix: MatrixArgs<HandshakeDefaults>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    capture: CaptureArgs,
}

const EXAMPLES: &str = "\
Examples:
  wirelab handshake
      UDP, TCP, TLS and QUIC on a 50 ms link that loses 1% each way; TCP and TLS in real time
  wirelab handshake --loss 0% --connections 1 --seeds 1
      how many round trips it takes
  wirelab handshake --loss 0%,1%,2%,5% -t quic-one --mode cold,0rtt -o curve.csv
      the distribution over the loss rate
  wirelab handshake -t quic-one --mode cold --loss drop:1 -n 1 --seeds 1
      the first packet each way is lost
  wirelab handshake -t quic-one --mode cold --loss 0% --cert-bytes 6KB
      a certificate that does not fit into the first flight
  wirelab handshake -t tcp --loss 2% --path netns -n 1000 --parallel 100
      how many of the kernel's TCP connections take a second or more
  wirelab handshake --path direct -t all --parallel 16
      connections a second on this machine's loopback
  wirelab handshake --hold 1,100,10000 -t tcp,tls,quic-one,dtls,arq-selective
      the memory of a connection at each end, alone and among many";

/// The largest request and reply: one datagram each, also QUIC's.
const MAX_LENGTH: usize = 1000;
/// The largest certificate: clients bound what they accept.
const MAX_CERTIFICATE: usize = 32 << 10;

fn length(text: &str) -> Result<usize, String> {
    let bytes = values::size(text)?;
    let least = wirelab::wire::HEADER_BYTES;
    match bytes {
        _ if bytes < least => {
            Err(format!("expected at least {least}: a message holds its flow, number and instant in them"))
        }
        _ if bytes > MAX_LENGTH => {
            Err(format!("expected at most {MAX_LENGTH}: a request must fit into a datagram"))
        }
        _ => Ok(bytes),
    }
}

fn certificate(text: &str) -> Result<usize, String> {
    match values::size(text)? {
        bytes if bytes > MAX_CERTIFICATE => Err(format!("expected at most {MAX_CERTIFICATE}")),
        bytes => Ok(bytes),
    }
}

/// Defaults of `handshake`.
#[derive(Debug, Clone)]
struct HandshakeDefaults;

impl Defaults for HandshakeDefaults {
    const COMMAND: &'static str = "handshake";
    const HOW_LONG: &'static str = "it ends with its connections: --connections";
    const TRANSPORTS: &'static [Transport] =
        &[Transport::UDP, Transport::TCP, Transport::TLS, Transport::QUIC_ONE];
    const PATHS: &'static str = "sim, and netns for tcp and tls";
    const OTHER_PATH: Option<PathKind> = Some(PathKind::Netns);
}

impl Handshake {
    pub(crate) fn sweep(&mut self) -> &mut SweepArgs {
        &mut self.matrix.grid.sweep
    }

    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if !self.hold.is_empty() {
            return self.run_held();
        }
        let request = self.request()?;
        let prepared = Prepared {
            command: "handshake",
            experiment: &Experiment,
            request: &request,
            config: handshake_config(&request),
            inputs: Vec::new(),
            first_seed: self.matrix.grid.seed,
            detail: None,
            capture: &self.capture,
            sweep: &self.matrix.grid.sweep,
        };
        prepared.run(&self.output, Finished::write)
    }

    /// Holds connections open, or is one end of that.
    fn run_held(&self) -> anyhow::Result<ExitCode> {
        let mut matrix = self.matrix.clone();
        matrix.grid.set_only_path("--hold", PathKind::Direct)?;
        matrix.grid.set_seeds(1);
        let request = matrix.request::<Held>(|axes| {
            let plan = |setup: Setup<'_>| {
                let plan = self.plan(&setup, Mode::Cold);
                self.hold.iter().map(move |&connections| HandshakePlan { connections, ..plan.clone() })
            };
            Ok(axes.links().iter().flat_map(|links| axes.setups(links)).flat_map(plan).collect())
        })?;
        if let (Some(end), Some(plan)) = (self.end, request.plans().next()) {
            raise_file_limit();
            run_end(plan, end)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut config = handshake_config(&request);
        config.extend(["hold", "connections"].map(|key| entry(key, self.hold.as_slice())));
        let prepared = Prepared {
            command: "handshake",
            experiment: &Held,
            request: &request,
            config,
            inputs: Vec::new(),
            first_seed: matrix.grid.seed,
            detail: None,
            capture: &self.capture,
            sweep: &matrix.grid.sweep,
        };
        prepared.run(&self.output, Finished::write)
    }

    fn request(&self) -> Result<Request<HandshakePlan>, UsageError> {
        let mut known = Vec::new();
        let request = self.matrix.request::<Experiment>(|axes| {
            if self.parallel > 1 && !axes.path.is_real_time() {
                let why = "needs a path in real time, such as --path direct or netns";
                return Err(UsageError::new(format!("--parallel {}: {why}", self.parallel)));
            }
            let plans = self.plans(axes);
            known.extend(plans.iter().map(|plan| plan.mode));
            Ok(plans)
        })?;
        match self.mode.iter().find(|mode| !known.contains(mode)) {
            Some(mode) => {
                let able = Transport::all().filter(|transport| transport.spec().resumes_sessions);
                let able = able.map(Transport::name).collect::<Vec<_>>().join(", ");
                Err(UsageError::new(format!(
                    "--mode {mode}: none of the transports has it; expected one of {able}"
                )))
            }
            None => Ok(request),
        }
    }

    /// The plans of one path.
    fn plans(&self, axes: &Axes) -> Vec<HandshakePlan> {
        let mut plans = Vec::new();
        for setup in axes.links().iter().flat_map(|links| axes.setups(links)) {
            plans.extend(self.modes(setup.transport).map(|mode| self.plan(&setup, mode)));
        }
        plans
    }

    /// The modes of a transport that were asked for.
    fn modes(&self, transport: Transport) -> impl Iterator<Item = Mode> {
        let asked = |mode: &Mode| self.mode.is_empty() || self.mode.contains(mode);
        Mode::ALL.into_iter().filter(move |mode| mode.is_of(transport) && asked(mode))
    }

    fn plan(&self, setup: &Setup<'_>, mode: Mode) -> HandshakePlan {
        let usual = HandshakePlan::usual(setup, mode);
        HandshakePlan {
            connections: self.connections.unwrap_or(usual.connections),
            parallel: self.parallel.into(),
            length: self.length,
            timeout: self.timeout.unwrap_or(usual.timeout),
            certificate: self.cert_bytes,
            ..usual
        }
    }
}
