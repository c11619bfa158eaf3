//! Stands in for the commands that need Linux on other systems.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

/// Needs Linux
#[derive(Debug, Args)]
pub(crate) struct NeedsLinux {
    /// Accepts any arguments, so that the error is about Linux and not about an unknown option.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<String>,
}

impl NeedsLinux {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        bail!(
            "this command needs Linux; bench, hol, transfer, share, tour, lab and report run on every system"
        )
    }
}

pub(super) mod discover {
    pub(crate) use super::NeedsLinux as Discover;
}

pub(super) mod link {
    pub(crate) use super::NeedsLinux as Link;
}

pub(super) mod send {
    pub(crate) use super::NeedsLinux as Send;
}

pub(super) mod serve {
    pub(crate) use super::NeedsLinux as Serve;
}
