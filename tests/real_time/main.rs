//! Paths in real time: the relay, network namespaces, and servers over loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![expect(clippy::print_stdout, reason = "what a test leaves out, and what it measures, is to be seen")]

mod handshake;
mod link;
mod link_netns;
mod netns;
#[path = "../program/mod.rs"]
mod program;
mod relay;
mod remote;
#[path = "../support/mod.rs"]
mod support;
