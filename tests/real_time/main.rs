//! Paths in real time: the relay, network namespaces, and servers over loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod call;
mod cpu;
mod discover;
mod duplicates;
mod endings;
mod handshake;
mod identities;
mod link;
mod link_netns;
mod link_rates;
mod moved;
mod netns;
mod observers;
mod page;
mod queueing;
mod relay;
mod remote;
mod share;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod transfer;
mod wait;
