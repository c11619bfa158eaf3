//! Tests in virtual time: exact and without waiting.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod arq;
mod arq_transports;
mod experiment_properties;
mod hol_instrument;
mod memory;
mod remote_virtual;
mod serve_guard;
mod serve_virtual;
mod signed_udp;
#[path = "../support/mod.rs"]
mod support;
mod theory;
mod transfer;
mod verify;
mod virtual_time;
