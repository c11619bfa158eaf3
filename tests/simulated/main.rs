//! Tests in virtual time, and of the parts that know no time: exact and without waiting.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod arq;
mod arq_transports;
mod episode;
mod experiment_properties;
mod hol_instrument;
mod ladder;
mod link;
mod memory;
mod remote_virtual;
mod report;
mod samples;
mod serve_guard;
mod serve_virtual;
mod signed_udp;
#[path = "../support/mod.rs"]
mod support;
mod theory;
mod transfer;
mod unit;
mod verify;
mod virtual_time;
