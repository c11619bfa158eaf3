//! `wirelab bench`.

use std::process::ExitCode;

use clap::Args;

use super::{
    messages::MessagesArgs,
    options::{grid::Defaults, link::presets, sweep::SweepArgs},
};

/// Compare transports: latency and loss on one emulated link, over loopback, or to servers by URL
///
/// Sends messages on a schedule and measures each from the instant it was due to the release of its reply. In sim, real
/// clients and servers run in virtual time, without waiting, and the same options give the same bytes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{}\n{EXAMPLES}", presets()))]
pub(crate) struct Bench {
    #[command(flatten)]
    messages: MessagesArgs<BenchDefaults>,
}

const EXAMPLES: &str = "\
Examples:
  wirelab bench
      UDP, selective repeat and QUIC on a 50 ms link that loses 1% each way, 30 seeds of a minute in virtual time
  wirelab bench --loss 0%,1%,2% --rtt 20ms,100ms -o result.csv
      a matrix of six links
  wirelab bench --loss gilbert:0.5%:25% --rate 20mbit --queue 128KB --seeds 5
      losses that come in bursts, behind a bottleneck
  wirelab bench -t quic-one --loss 0% --to-server loss=drop:700 --ladder
      one packet lost on the way to the server, and below the table the messages that waited for it, packet by packet
  wirelab bench --path netns --rtt 20ms -d 5s --seeds 2
      the same link in real time, with the kernel's TCP
  wirelab bench --workload video -t udp,quic-one,quic-message --drop-late
      a video call: frames shown and late, freezes, and how far the picture then jumped
  wirelab bench --workload game --loss 2% --path netns -t udp,tcp -d 10s
      a game: the age of the newest state at each end
  wirelab bench --workload page --path netns --rtt 50ms --loss 0% --seeds 2
      a web page: TLS with six connections and with one, and QUIC; when its first byte and all its objects were there
  wirelab bench --workload page -t quic-message --mode cold,0rtt -o page.html
      what a session ticket saves, with a waterfall of the objects
  wirelab bench --path netns --background tcp -d 10s --seeds 2
      latency under load: the messages alone, then beside a TCP upload and a TCP download, in about 6 minutes
  wirelab bench --rebind 5s:ip -t all -d 20s --seeds 5
      the client gets another IP address after 5 s: how long no reply comes, and what is lost or sent again
  wirelab bench --handover 5s:300ms --after delay=40ms,rate=5mbit -t udp,quic
      the client loses its network for 300 ms and then has another, slower one
  wirelab bench udp://192.0.2.1 quic://lab.example:4433 --ca ca.pem
      the real network to a `wirelab serve` elsewhere, or to any other echo: UDP and QUIC's four, a row each
  wirelab bench --path direct -t all -d 2s --seeds 2
      every transport over this machine's loopback without the link, in about 2 minutes
  wirelab bench --config sweep.toml --shard 3/7 --resume
      one of seven parts of a sweep whose options are in a file; wirelab report puts all parts together";

/// Defaults of `bench`.
#[derive(Debug, Clone)]
struct BenchDefaults;

impl Defaults for BenchDefaults {
    const COMMAND: &'static str = "bench";
}

impl Bench {
    pub(crate) fn sweep(&mut self) -> &mut SweepArgs {
        self.messages.sweep()
    }

    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.messages.run()
    }
}
