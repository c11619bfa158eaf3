//! The program as scripts and users run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod bench_cli;
mod browser;
mod captures;
mod cli;
mod cluster;
mod completions;
mod config;
mod connecting;
mod determinism;
mod errors;
mod examples;
mod experiments;
mod lab;
mod mistakes;
mod parts;
mod print_config;
mod serve_send;
mod single_messages;
mod strange_results;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod tour;
mod transfer_protocol;
