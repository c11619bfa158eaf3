//! Options that change the client's address in the middle of a run.

use clap::Args;
use wirelab::experiment::{Moves, Outage, Rebind};

use crate::cli::values::parse;

/// How the client's address changes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A client that moves")]
pub(crate) struct MoveArgs {
    /// Change the client's address this long after the start of the measured time, like a NAT that forgets its mapping:
    /// AT or AT:port for a new port, AT:ip for a new IP address. QUIC, udp and udp-hmac go on, QUIC at a new IP address
    /// with a new congestion window. The others break, and the client connects again. Not on direct; on netns only
    /// AT:ip: the kernel removes the old address. With --workload video, the server then sends reports, by which the
    /// client knows that its connection is alive
    #[arg(long, value_name = "AT[:port|ip]", value_parser = parse::<Rebind>)]
    #[arg(conflicts_with_all = ["ladder", "background", "urls"])]
    rebind: Option<Rebind>,
    /// Disconnect the client this long after the start of the measured time. After the outage it has another network,
    /// with another IP address and the link of --after
    #[arg(long, value_name = "AT:OUTAGE", value_parser = parse::<Outage>)]
    #[arg(conflicts_with_all = ["ladder", "background", "urls", "rebind"])]
    handover: Option<Outage>,
    /// What differs on the link of the other network, each way, such as "delay=40ms,rate=5mbit"
    #[arg(long, value_name = "KEY=VALUE,..", requires = "handover", conflicts_with = "rebind")]
    after: Option<String>,
}

impl MoveArgs {
    /// The options that were given.
    pub(crate) fn moves(&self) -> Moves {
        Moves { rebind: self.rebind, handover: self.handover, after: self.after.clone() }
    }
}
