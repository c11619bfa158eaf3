//! `wirelab handshake`.

use std::{num::NonZero, process::ExitCode, sync::atomic::AtomicBool, thread, time::Duration};

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Map, json};

use super::{
    experiment::{
        LinkArgs, OnPath, interrupt::stop_on_interrupt, leave_out_forbidden, output::OutputArgs,
        parse_transports, presets, progress, seed, seeds, transports::Transports, usage::UsageError,
    },
    output::{complain, note},
    values,
};
use wirelab::{
    experiment::{
        self, Effort, HandshakeOutcome, HandshakePlan, Mode, PathKind, Runs, handshake_cell,
        run_numbered_matrix,
    },
    report::{ResultFile, Skipped},
    transport::{Congestion, Transport},
    unit::{PerDirection, format_duration, nanos},
};

/// Measure the time from nothing to the first reply and to the second: cold, resumed, 0-RTT
///
/// Makes many connections, each with an endpoint and a port of its own. Each asks twice, the second time when the
/// first reply is there, and is closed. Resumed connections and those with 0-RTT have a session of an earlier
/// connection, which does not count. Times run from the instant before the connection was begun.
///
/// The connections of a seed follow each other on one wire, so that drop: counts the packets of all of them, and
/// outage: the time since the first was begun, those that only bring a session included.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", presets()))]
pub(crate) struct Handshake {
    /// Transports: udp, tcp, tls, quic-one, quic-flow, quic-message, quic-datagram; quic for its four, all for what
    /// the path can carry
    #[arg(short, long, value_name = "LIST", default_value = "udp,tcp,tls,quic-one", value_parser = parse_transports)]
    transport: Transports,
    /// Where packets travel: sim (virtual time, over the link), netns (network namespaces in real time, over the link:
    /// the kernel's TCP too), relay (this machine's loopback in real time, over the link), direct (loopback without
    /// the link) [default: sim, and netns for tcp and tls]
    #[arg(long, value_name = "PATH,..", value_delimiter = ',')]
    path: Vec<PathKind>,
    /// What the client knows of the server: cold (nothing), resumed (a session ticket), 0rtt (a session ticket, and
    /// the request goes with the first flight) [default: all that the transport has]
    #[arg(long, value_name = "MODE,..", value_delimiter = ',')]
    mode: Vec<Mode>,
    /// Connections of a seed [default: 100 in sim, 10 in real time, 1000 on direct]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connections: Option<u64>,
    /// Connections at a time, in real time; how many packets each takes is then not known
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1000))]
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
    /// QUIC's congestion controller: cubic, newreno, bbr (quinn's, experimental), fixed[:BYTES]
    #[arg(short = 'C', long, value_name = "NAME", default_value = "cubic")]
    congestion: Congestion,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "1", value_parser = seed)]
    seed: u64,
    /// How many seeds, each a wire of its own [default: 30 in sim, 5 in real time]
    #[arg(long, value_name = "N", value_parser = seeds)]
    seeds: Option<u64>,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    output: OutputArgs,
}

const EXAMPLES: &str = "\
Examples:
  wirelab handshake
      UDP, TCP, TLS and QUIC on a 50 ms link that loses 1% each way; TCP and TLS in real time
  wirelab handshake --loss 0% --connections 1 --seeds 1
      how many round trips it takes
  wirelab handshake --loss 0%,1%,2%,5% -t quic-one --mode cold,0rtt -o curve.csv
      the distribution over the loss rate
  wirelab handshake -t quic-one --mode cold --loss drop:1 --connections 1 --seeds 1
      the first packet each way is lost
  wirelab handshake -t quic-one --mode cold --loss 0% --cert-bytes 6KB
      a certificate that does not fit into the first flight
  wirelab handshake -t tcp --loss 2% --path netns --connections 1000 --parallel 100
      how many of the kernel's TCP connections take a second or more
  wirelab handshake --path direct -t all --parallel 16
      connections a second on this machine's loopback";

/// The largest request and reply: one datagram each, also QUIC's.
const MOST_LENGTH: usize = 1000;
/// The largest certificate: what clients take is bounded.
const MOST_CERTIFICATE: usize = 32 << 10;

fn length(text: &str) -> Result<usize, String> {
    let bytes = values::size(text)?;
    let least = wirelab::wire::HEADER_BYTES;
    match bytes {
        _ if bytes < least => Err(format!("a message holds its flow, number and instant in {least} bytes")),
        _ if bytes > MOST_LENGTH => {
            Err(format!("at most {MOST_LENGTH}: a request is to fit into a datagram"))
        }
        _ => Ok(bytes),
    }
}

fn certificate(text: &str) -> Result<usize, String> {
    match values::size(text)? {
        bytes if bytes > MOST_CERTIFICATE => Err(format!("at most {MOST_CERTIFICATE}")),
        bytes => Ok(bytes),
    }
}

/// What takes less need not be announced.
const A_WHILE: Duration = Duration::from_secs(2);
/// What a connection takes without a link.
const A_MOMENT: Duration = Duration::from_millis(1);

impl OnPath for Batch {
    fn path(&self) -> PathKind {
        self.path
    }

    fn transports(&self) -> Vec<Transport> {
        self.plans.iter().map(|plan| plan.transport).collect()
    }
}

/// The plans of one path.
struct Batch {
    path: PathKind,
    plans: Vec<HandshakePlan>,
    seeds: u64,
}

impl Handshake {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut file = ResultFile::new("handshake");
        let mut batches = self.batches(&mut file.skipped)?;
        file.skipped.extend(leave_out_forbidden(&mut batches));
        let draft = self.output.open()?;
        let stop = stop_on_interrupt().map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
        file.config = self.config(&batches);
        self.announce(&batches);
        let runs: u64 = batches.iter().map(|batch| batch.plans.len() as u64 * batch.seeds).sum();
        let bar = progress(&self.output, runs);
        let mut wires = Vec::new();
        let mut problem = None;
        for batch in &batches {
            for (plan, runs) in batch.plans.iter().zip(batch.run(self.seed, &stop, || bar.inc(1))) {
                let done = runs.outcomes.len() + runs.failures.len();
                file.complete &= done as u64 == batch.seeds;
                wires.extend(runs.outcomes.iter().filter_map(|(_, outcome)| outcome.fidelity.clone()));
                let failed = runs.outcomes.iter().find_map(|(_, outcome)| outcome.problem.clone());
                problem = problem.or_else(|| Some(format!("{}: {}", plan.transport, failed?)));
                collect(&mut file, plan, runs);
            }
        }
        bar.finish_and_clear();
        file.system = experiment::system(batches.iter().map(|batch| batch.path), &wires);
        self.output.write(draft, &file)?;
        let replied = file.cells.iter().any(|cell| {
            cell.handshake
                .as_ref()
                .and_then(|handshake| handshake.first_reply_ns)
                .is_some_and(|first| first.n > 0)
        });
        if !replied && file.complete {
            bail!("no reply: {}", problem.unwrap_or_else(|| "no transport could be run".to_owned()));
        }
        problem
            .iter()
            .for_each(|problem| complain(format_args!("first of the failed connections: {problem}")));
        Ok(ExitCode::SUCCESS)
    }

    fn batches(&self, skipped: &mut Vec<Skipped>) -> Result<Vec<Batch>, UsageError> {
        let links = self.link.links()?;
        let mut batches = Vec::new();
        for (path, transports) in self.transports(skipped) {
            if self.parallel > 1 && !path.is_real_time() {
                let why = "goes with a path in real time, such as --path direct or netns";
                return Err(UsageError::new(format!("--parallel {}: {why}", self.parallel)));
            }
            // Without a link, all links are the same one.
            let links = if path.has_link() { &links[..] } else { &links[..1] };
            let mut plans = Vec::new();
            for link in links {
                for &transport in &transports {
                    plans.extend(self.modes(transport).map(|mode| self.plan(path, transport, mode, link)));
                }
            }
            let seeds = self.seeds.unwrap_or(if path.is_real_time() { 5 } else { 30 });
            batches.push(Batch { path, plans, seeds });
        }
        if let Some(mode) = self
            .mode
            .iter()
            .find(|mode| !batches.iter().any(|batch| batch.plans.iter().any(|plan| plan.mode == **mode)))
        {
            return Err(UsageError::new(format!(
                "--mode {mode}: none of the transports has it; tls and quic do"
            )));
        }
        Ok(batches)
    }

    /// What runs where. Left to us, that is virtual time for all that goes there.
    fn transports(&self, skipped: &mut Vec<Skipped>) -> Vec<(PathKind, Vec<Transport>)> {
        if self.path.is_empty() {
            let all = match &self.transport {
                Transports::All => Transport::all().collect(),
                Transports::These(named) => named.clone(),
            };
            let (simulated, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|transport| PathKind::Sim.refuses(*transport).is_none());
            let paths = [(PathKind::Sim, simulated), (PathKind::Netns, others)];
            return paths.into_iter().filter(|(_, transports)| !transports.is_empty()).collect();
        }
        let on = |&path| {
            let (transports, refused) = self.transport.on(path);
            skipped.extend(refused);
            (path, transports)
        };
        self.path.iter().map(on).collect()
    }

    /// The modes of a transport, as far as they are asked for.
    fn modes(&self, transport: Transport) -> impl Iterator<Item = Mode> {
        let asked = |mode: &Mode| self.mode.is_empty() || self.mode.contains(mode);
        Mode::ALL.into_iter().filter(move |mode| mode.is_of(transport) && asked(mode))
    }

    fn plan(
        &self,
        path: PathKind,
        transport: Transport,
        mode: Mode,
        links: &PerDirection<wirelab::link::LinkSpec>,
    ) -> HandshakePlan {
        // Nobody sends a lost datagram again, so there is less to wait for.
        let seconds = match (path.is_real_time(), transport.spec().has_handshake) {
            (true, false) => 2,
            (true, _) => 10,
            (false, _) => 60,
        };
        HandshakePlan {
            path,
            transport,
            links: links.clone(),
            mode,
            congestion: self.congestion,
            connections: self.connections.unwrap_or(match path {
                PathKind::Sim => 100,
                PathKind::Relay | PathKind::Netns => 10,
                PathKind::Direct => 1000,
            }),
            parallel: self.parallel.into(),
            length: self.length,
            timeout: self.timeout.unwrap_or(Duration::from_secs(seconds)),
            certificate: self.cert_bytes,
        }
    }

    /// Says how long the connections in real time will take.
    fn announce(&self, batches: &[Batch]) {
        let expected: Duration =
            batches.iter().filter(|batch| batch.path.is_real_time()).map(Batch::duration).sum();
        if expected >= A_WHILE && !self.output.is_quiet() {
            note(format_args!("this takes about {} of real time", format_duration(expected)));
        }
    }

    /// Every option, resolved.
    fn config(&self, batches: &[Batch]) -> Map<String, serde_json::Value> {
        let plans = || batches.iter().flat_map(|batch| &batch.plans);
        let first = plans().next();
        let names = |name: fn(&HandshakePlan) -> &'static str| {
            let mut names: Vec<&str> = Vec::new();
            plans().map(name).for_each(|name| {
                if !names.contains(&name) {
                    names.push(name)
                }
            });
            names
        };
        let options = json!({
            "transport": names(|plan| plan.transport.name()),
            "path": batches.iter().map(|batch| batch.path.name()).collect::<Vec<_>>(),
            "mode": names(|plan| plan.mode.name()),
            "links": self.link.links().unwrap_or_default(),
            "connections": batches.iter().filter_map(|batch| batch.plans.first())
                .map(|plan| plan.connections).collect::<Vec<_>>(),
            "parallel": self.parallel,
            "length_bytes": self.length,
            "timeout_ns": first.map(|plan| nanos(plan.timeout)),
            "certificate_bytes": self.cert_bytes,
            "congestion": self.congestion.to_string(),
            "seed": self.seed,
            "seeds": batches.iter().map(|batch| batch.seeds).collect::<Vec<_>>(),
        });
        match options {
            serde_json::Value::Object(options) => options,
            _ => Map::new(),
        }
    }
}

impl Batch {
    /// How long the connections take without loss, each with its goodbye.
    fn duration(&self) -> Duration {
        const ROUND_TRIPS: u32 = 5;
        let seconds = |plan: &HandshakePlan| {
            let PerDirection { to_server: there, to_client: back } = &plan.links;
            let each = if plan.path.has_link() { (there.delay + back.delay) * ROUND_TRIPS } else { A_MOMENT };
            each.as_secs_f64() * plan.connections as f64 * self.seeds as f64 / plan.parallel as f64
        };
        Duration::from_secs(self.plans.iter().map(seconds).sum::<f64>() as u64)
    }

    fn run(&self, first_seed: u64, stop: &AtomicBool, done: impl Fn() + Sync) -> Vec<Runs<HandshakeOutcome>> {
        let threads = match self.path {
            PathKind::Sim => thread::available_parallelism().map_or(1, NonZero::get),
            // Two runs at once would disturb each other.
            PathKind::Relay | PathKind::Netns | PathKind::Direct => 1,
        };
        let effort = Effort { first_seed, seeds: self.seeds, threads, stop };
        let run = |_, plan: &HandshakePlan, seed| experiment::handshake(plan, seed);
        run_numbered_matrix(&self.plans, effort, run, done)
    }
}

/// Adds the cell of a plan, or why there is none.
fn collect(file: &mut ResultFile, plan: &HandshakePlan, runs: Runs<HandshakeOutcome>) {
    if let Some((seed, error)) = runs.failures.first() {
        file.skipped.push(Skipped {
            transport: plan.transport.name().to_owned(),
            path: plan.path.name().to_owned(),
            reason: format!("{} runs failed, seed {seed} first: {error}", runs.failures.len()),
        });
    }
    if !runs.outcomes.is_empty() {
        file.cells.push(handshake_cell(plan, &runs.outcomes));
    }
}
