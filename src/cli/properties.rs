//! `wirelab properties`.

use std::process::ExitCode;

use clap::Args;

use super::{
    interrupt::{INTERRUPTED, leave_on_interrupt},
    options::{output::OutputArgs, transports::Transports},
    system::prepare_namespaces,
    width::text_width,
};
use wirelab::{properties::measure, report::explain_properties};

/// Measure the textbook's table: what each transport does with loss, order, damage and strangers
///
/// Every cell is the outcome of a run, made when it is printed: in virtual time, and for the kernel's TCP between
/// network namespaces.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Properties {
    /// Transports, or groups of them: udp, udp-hmac, dtls, arq, tcp, tls, quic, all
    #[arg(short, long = "transport", value_name = "LIST", default_value = DEFAULT)]
    transport: Transports,
    /// Say for each row what was done, how it was counted, and what was counted
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    output: OutputArgs,
}

const DEFAULT: &str = "udp,udp-hmac,dtls,arq-selective,tcp,tls,quic-one,quic-message";

const EXAMPLES: &str = "\
Examples:
  wirelab properties
      UDP, UDP made reliable, TCP, TLS and QUIC
  wirelab properties -t udp,quic --explain
      what was done for each row, and what was counted
  wirelab properties -o properties.md
      the table for a document";

impl Properties {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        self.output.refuse_charts()?;
        let drafts = self.output.open()?;
        let transports = self.transport.all();
        if transports.iter().any(|transport| transport.uses_kernel_tcp()) {
            // If this fails, the cells give the reason.
            let _ = prepare_namespaces();
        }
        leave_on_interrupt(INTERRUPTED)?;
        let table = measure(&transports);
        let width = text_width();
        let explanation = if self.explain { explain_properties(&table, width) } else { String::new() };
        self.output.write_properties(drafts, &table, &explanation)?;
        let measured = table.cells().any(|cell| cell.answer.is_some());
        Ok(if measured { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
