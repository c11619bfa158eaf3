//! The command line: one file per subcommand, arguments in, a validated plan out.

mod bench;
mod experiment;

use clap::{Parser, Subcommand};

pub(crate) use self::experiment::usage::UsageError;

/// UDP, TCP, TLS and QUIC side by side on one seeded lossy wire.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare transports: latency and loss
    Bench(Box<bench::BenchArgs>),
}

/// Parses the command line, runs it, and returns the exit status: 0 fine, 1 it ran and failed, 2 the command line is
/// wrong.
pub fn run() -> u8 {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Bench(args) => args.run(),
    };
    done.map_or_else(|error| fail(&error), |()| 0)
}

#[expect(clippy::print_stderr, reason = "the one place where errors are told")]
fn fail(error: &anyhow::Error) -> u8 {
    eprintln!("wirelab: {error:#}");
    if error.is::<UsageError>() { 2 } else { 1 }
}
