//! `wirelab hol`.

use std::process::ExitCode;

use clap::Args;
use wirelab::{
    report::{OrderedUnits, explain_hol},
    transport::{Congestion, FIXED_WINDOW_BYTES, OrderedUnit, Transport},
};

use super::{
    messages::MessagesArgs,
    options::{grid::Defaults, link::presets, sweep::SweepArgs},
    output::raw,
};

/// Measure head-of-line blocking: how long complete messages waited, and for whose loss
///
/// The same cells as `bench`, with the ordered and the unordered transports side by side. The window is fixed unless
/// -C says otherwise, so that what is seen is order and not congestion.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{}\n{EXAMPLES}", presets()))]
pub(crate) struct Hol {
    /// Explain what each column means and how it is measured, and measure nothing
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    messages: MessagesArgs<HolDefaults>,
}

const EXAMPLES: &str = "\
Examples:
  wirelab hol
      who waits for whom on a 50 ms link that loses 1% each way
  wirelab hol --rtt 100ms --to-client loss=0%
      loss on the way to the server only, where a closed form stands beside what was measured
  wirelab hol --loss 0%,0.5%,1%,2%,5% -o curve.csv
      a curve over the loss rate
  wirelab hol 'quic://lab.example?streams=one' --ca ca.pem -i 5ms
      on the real network to a `wirelab serve` elsewhere, which reports what waited there
  wirelab hol -C cubic
      how much of the delay is the window's
  wirelab hol -t quic-one --loss 2% --seeds 1 -d 5s --qlog traces
      what both ends of QUIC did, packet by packet, for qvis";

/// Defaults of `hol`.
#[derive(Debug, Clone)]
struct HolDefaults;

impl Defaults for HolDefaults {
    const COMMAND: &'static str = "hol";
    /// The unordered first, then more and more order.
    const TRANSPORTS: &'static [Transport] = &[
        Transport::UDP,
        Transport::QUIC_DATAGRAM,
        Transport::QUIC_MESSAGE,
        Transport::QUIC_FLOW,
        Transport::QUIC_ONE,
        Transport::ARQ_SELECTIVE,
        Transport::TCP,
    ];
    const CONGESTION: Congestion = Congestion::Fixed(FIXED_WINDOW_BYTES);
}

impl Hol {
    pub(crate) fn sweep(&mut self) -> &mut SweepArgs {
        self.messages.sweep()
    }

    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.explain && !self.messages.prints_config() {
            raw(explain_hol(&ordered_units()).as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        self.messages.run()
    }
}

/// The transports by their ordered unit.
fn ordered_units() -> OrderedUnits {
    let of = |unit| {
        let transports = Transport::all().filter(|transport| transport.ordered_unit() == unit);
        transports.map(|transport| transport.name().to_owned()).collect()
    };
    OrderedUnits { message: of(OrderedUnit::Message), flow: of(OrderedUnit::Flow), all: of(OrderedUnit::All) }
}
