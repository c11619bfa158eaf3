//! Groups of options that several subcommands share.

pub(crate) mod capture;
pub(crate) mod detail;
pub(crate) mod direction;
pub(crate) mod grid;
pub(crate) mod link;
#[cfg(real_time)]
pub(crate) mod link_capture;
pub(crate) mod matrix;
pub(crate) mod moves;
pub(crate) mod output;
mod output_file;
pub(crate) mod page;
pub(crate) mod senders;
pub(crate) mod servers;
pub(crate) mod sweep;
pub(crate) mod transports;
pub(crate) mod workload;
