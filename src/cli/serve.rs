//! `wirelab serve`.

mod discovery;
mod ports;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64},
    path::PathBuf,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use ipnet::IpNet;
use wirelab::{
    path::{
        Host,
        direct::{DirectHost, Worker},
    },
    serve::{
        Access, Bind, DEFAULT_MAX_STREAMS, DEFAULT_RETRY_ABOVE, Observer, Options, Server,
        share_of_one_source,
    },
    service::Service,
    target::Target,
    transport::{Credentials, Scheme, Shape, WindowMemory},
    unit::format_duration,
};

use self::{discovery::Discovery, ports::check_distinct};
use super::{
    certs::{Folder, show},
    in_real_time,
    interrupt::INTERRUPTED,
    output::{self, OutputError},
    shared_key,
    system::{Signals, raise_file_limit},
    usage::UsageError,
    values,
};

/// Time limit for work in progress when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A stop that takes longer than this says what it waits for.
const PATIENCE: Duration = Duration::from_millis(300);

/// Run servers for any number of URLs
///
/// Prints the URLs it listens on. Ctrl-C or SIGTERM stops the server: it finishes the work in progress and prints a
/// report for each URL. A second one stops it at once, with exit status 130.
///
/// Services: echo returns the request; hello replies `Hello, <data>!`; thanks replies `thank you !`; json takes a JSON
/// value and replies with an object that holds a status, the value and the time. On byte streams echo copies bytes;
/// for the other services a message ends at a newline, at half-close or after 50 ms of silence.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab serve
      echo on every transport, for this machine only
  wirelab serve udp://0.0.0.0:9999 --allow 192.168.1.0/24
      for one network
  wirelab serve 'quic://[::]:4433' --name lab.example --service hello
      QUIC for all, with a greeting
  wirelab serve udp://0.0.0.0:9999 --discoverable
      found by wirelab discover
  wirelab serve tcp://127.0.0.1:0 --for 10s
      any free port, for ten seconds")]
pub(crate) struct Serve {
    #[arg(value_name = "URL", help = format!(
        "URLs to listen on. Without a host: this machine only; port 0: any free port [default: {}]",
        defaults().map(|url| url.to_string()).collect::<Vec<_>>().join(" ")))]
    urls: Vec<Target>,
    /// Service: echo, hello, thanks or json
    #[arg(long, default_value = "echo", value_parser = values::name::<Service>)]
    service: Service,
    /// Stop after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = values::duration)]
    duration: Option<Duration>,
    /// Stop after this many messages
    #[arg(long, value_name = "N", value_parser = values::whole::<NonZeroU64>(1, u64::MAX))]
    count: Option<NonZeroU64>,
    /// Answer only this network and loopback; repeatable. On UDP, hello, thanks and json answer only listed networks
    /// and loopback
    #[arg(long, value_name = "CIDR", value_parser = network)]
    allow: Vec<IpNet>,
    /// Maximum messages per second from one source [default: 10000, loopback unlimited]
    #[arg(long, value_name = "N", value_parser = values::whole::<NonZeroU32>(1, u64::from(u32::MAX)))]
    rate_limit: Option<NonZeroU32>,
    /// Maximum size of a message [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    max_message: Option<usize>,
    /// Maximum concurrent connections per URL
    #[arg(long, value_name = "N", default_value = "1024", value_parser = values::whole::<NonZeroU16>(1, 65_535))]
    max_connections: NonZeroU16,
    /// Maximum concurrent connections of one source: an IPv4 address, or an IPv6 /64 network [default: a quarter]
    #[arg(long, value_name = "N", value_parser = values::whole::<NonZeroU16>(1, 65_535))]
    max_connections_per_source: Option<NonZeroU16>,
    /// From this many QUIC handshakes in progress on, clients must validate their address first (Retry); 0: always
    #[arg(long, value_name = "N", default_value_t = DEFAULT_RETRY_ABOVE, value_parser = values::whole::<usize>(0, u64::from(u32::MAX)))]
    retry_above: usize,
    /// Maximum concurrent streams of a QUIC connection. It begins with up to 2048, and gets more as it uses them
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_STREAMS, value_parser = values::whole::<u32>(1, 1 << 20))]
    max_streams: u32,
    /// Maximum bytes in flight of a QUIC or ARQ connection in each direction. It begins with up to 1 MiB, and gets more
    /// as it uses them [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    max_window: Option<usize>,
    /// Maximum memory by which all QUIC and ARQ connections together may grow [default: 512MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    window_memory: Option<usize>,
    /// Number of threads. The kernel assigns clients to them by address and port, and QUIC connections by their id
    /// [default: all cores]
    #[arg(long, value_name = "N", value_parser = values::whole::<NonZeroU8>(1, 255))]
    threads: Option<NonZeroU8>,
    /// Close connections that have been idle for this long
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = values::some_time)]
    idle: Duration,
    /// Accept QUIC 0-RTT data, which can be replayed
    #[arg(long)]
    early_data: bool,
    #[command(flatten)]
    folder: Folder,
    /// The key of udp-hmac://, in hex or base64 [default: WIRELAB_KEY, or hmac.key beside the certificates]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    discovery: Discovery,
    /// Log a line for each client
    #[arg(short, long)]
    verbose: bool,
}

/// A URL for each scheme.
fn defaults() -> impl Iterator<Item = Target> {
    Scheme::all().map(Target::local)
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        in_real_time(|host| self.serve(host))
    }

    async fn serve(self, direct: Arc<DirectHost>) -> anyhow::Result<ExitCode> {
        let threads = self.threads();
        let direct = if threads > 1 { direct.sharing_ports(threads) } else { direct };
        let host: Arc<dyn Host> = direct.clone();
        let binds = self.binds()?;
        let options = self.options(&*host, &binds)?;
        // Before listening, so that no signal is missed.
        let mut signals = Signals::new()?;
        raise_file_limit();
        let mut server = Server::start(&host, &binds, options)?;
        let mut workers = Vec::new();
        for index in 1..threads {
            let worker = Worker::beside(&direct, index)?;
            server.join(&(worker.host().clone() as Arc<dyn Host>))?;
            workers.push(worker);
        }
        let log = Arc::new(Log { verbose: self.verbose });
        let discoverable = self.discovery.announce(&host, &server, &self.allow, log)?;
        tolerate_closed_pipe(self.print_binds(&server))?;
        self.until_done(&*host, &server, &mut signals).await;
        let discovery = discoverable.map(|discoverable| discoverable.report());
        let open_connections = server.open_connections();
        let mut stopping = pin!(server.stop(DRAIN));
        let patience = host.now() + PATIENCE;
        let mut is_silent = true;
        let stopped = loop {
            tokio::select! {
                biased;
                () = signals.any() => return Ok(ExitCode::from(INTERRUPTED)),
                stopped = &mut stopping => break stopped,
                () = host.sleep_until(patience), if is_silent => {
                    is_silent = false;
                    let open = open_connections();
                    let connections = if open == 1 { "connection" } else { "connections" };
                    output::note(format_args!(
                        "stopping: waiting up to {} for the work of {open} open {connections}; once more to quit at once",
                        format_duration(DRAIN)
                    ));
                }
            }
        };
        if !stopped.drained {
            output::note("warning: some of the work in progress was not finished");
        }
        for report in stopped.reports.into_iter().chain(discovery) {
            output::line(report.to_string())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints where the server listens.
    fn print_binds(&self, server: &Server) -> Result<(), OutputError> {
        for bind in server.binds() {
            let url = bind.scheme.url(bind.local);
            let every = match bind.local.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => {
                    ", on every IPv4 address of this machine and no IPv6 address"
                }
                IpAddr::V6(ip) if ip.is_unspecified() => ", on every address of this machine",
                _ => "",
            };
            output::line(format!("listening on {url} ({}){every}", self.service))?;
        }
        Ok(())
    }

    fn threads(&self) -> u8 {
        let cores =
            || std::thread::available_parallelism().map_or(1, |n| u8::try_from(n.get()).unwrap_or(u8::MAX));
        self.threads.map_or_else(cores, NonZeroU8::get)
    }

    fn binds(&self) -> anyhow::Result<Vec<Bind>> {
        let all: Vec<_> = defaults().collect();
        let targets = if self.urls.is_empty() { &all[..] } else { &self.urls };
        let mut binds = Vec::new();
        for target in targets {
            for local in keep_local(target.resolve(None)?) {
                if local.ip().is_multicast() {
                    return Err(UsageError::new(format!(
                        "cannot listen on {target}: it is a multicast group, and servers answer at an address of this machine"
                    ))
                    .into());
                }
                binds.push(Bind { scheme: target.scheme, local });
            }
        }
        let doubled = |bind: &Bind| {
            let both = Bind { local: (Ipv6Addr::UNSPECIFIED, bind.local.port()).into(), ..*bind };
            bind.local.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
                && bind.local.port() != 0
                && binds.contains(&both)
        };
        let doubled: Vec<Bind> = binds.iter().copied().filter(doubled).collect();
        // [::] answers IPv4, too.
        binds.retain(|bind| !doubled.contains(bind));
        check_distinct(&binds)?;
        self.warn_of_unanswered(&binds);
        Ok(binds)
    }

    /// Says which clients will get no answer, where one would expect it.
    fn warn_of_unanswered(&self, binds: &[Bind]) {
        let is_silent = |bind: &&Bind| {
            bind.scheme.shape() == Shape::Datagrams && !bind.local.ip().to_canonical().is_loopback()
        };
        if let Some(bind) =
            binds.iter().find(is_silent).filter(|_| self.service.amplifies() && self.allow.is_empty())
        {
            output::note(format_args!(
                "warning: {} answers this machine alone: its clients' addresses can be forged, and {} replies with more \
                 than it is sent; name the networks to answer with --allow",
                bind.scheme.url(bind.local),
                self.service
            ));
        }
    }

    fn options(&self, host: &dyn Host, binds: &[Bind]) -> anyhow::Result<Options> {
        let defaults = Options::new(self.service);
        let needs_certificate = binds.iter().any(|bind| bind.scheme.credentials.is_certificate());
        let needs_key = binds.iter().any(|bind| bind.scheme.credentials == Credentials::SharedKey);
        if needs_certificate || (needs_key && self.key_file.is_none()) {
            self.folder.ensure(host.unix_time())?;
        }
        let shared_key = needs_key
            .then(|| shared_key::read(self.key_file.as_deref(), &self.folder.store().shared_key_file()))
            .transpose()?;
        let identity = if needs_certificate {
            for description in self.folder.store().describe()? {
                output::note(show(&description));
            }
            Some(self.folder.store().identity()?)
        } else {
            None
        };
        Ok(Options {
            access: Access { allow: self.allow.clone(), rate: self.rate_limit },
            max_message: self.max_message.unwrap_or(defaults.max_message),
            max_connections: self.max_connections.get().into(),
            max_connections_per_source: self
                .max_connections_per_source
                .map_or_else(|| share_of_one_source(self.max_connections.get().into()), |n| n.get().into()),
            retry_above: self.retry_above,
            max_streams: self.max_streams,
            max_window: self.max_window.map_or(defaults.max_window, |bytes| bytes as u64),
            window_memory: self
                .window_memory
                .map_or(defaults.window_memory, |bytes| WindowMemory::new(bytes as u64)),
            idle: self.idle,
            identity,
            shared_key,
            early_data: self.early_data,
            observer: Arc::new(Log { verbose: self.verbose }),
            ..defaults
        })
    }

    /// Waits for a signal, the message count or the duration.
    async fn until_done(&self, host: &dyn Host, server: &Server, signals: &mut Signals) {
        let time_is_up = async {
            match self.duration {
                Some(duration) => host.sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        let all_answered = async {
            match self.count {
                Some(count) => server.answered(count.get()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = signals.any() => {}
            () = all_answered => {}
            () = time_is_up => {}
        }
    }
}

/// Keeps the addresses that this machine has: `localhost` resolves to `::1` even where IPv6 is off. If it has none of
/// them, all are kept, so that listening reports the error.
fn keep_local(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_local = |address: &&SocketAddr| std::net::UdpSocket::bind((address.ip(), 0)).is_ok();
    let local: Vec<_> = addresses.iter().filter(is_local).copied().collect();
    if local.is_empty() { addresses } else { local }
}

/// Ignores a closed pipe: the server runs on without output.
pub(super) fn tolerate_closed_pipe(output: Result<(), OutputError>) -> Result<(), OutputError> {
    match output {
        Err(OutputError(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Parses a network, or an address as a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse().map(|ip: std::net::IpAddr| IpNet::from(ip));
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "expected a network such as 192.168.1.0/24 or fd00::/8".to_owned())
}

#[derive(Debug)]
struct Log {
    verbose: bool,
}

impl Observer for Log {
    fn client(&self, url: &str, peer: SocketAddr) {
        if self.verbose {
            output::note(format_args!("{url}: client {peer}"));
        }
    }

    fn trouble(&self, url: &str, problem: &str) {
        output::note(format_args!("{url}: {problem}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_kept() {
        let addresses =
            |list: &[&str]| list.iter().filter_map(|a| a.parse().ok()).collect::<Vec<SocketAddr>>();
        let both = addresses(&["127.0.0.1:7000", "192.0.2.1:7000"]);
        assert_eq!(keep_local(both), addresses(&["127.0.0.1:7000"]));
        let foreign = addresses(&["192.0.2.1:7000"]);
        assert_eq!(keep_local(foreign.clone()), foreign);
    }
}
