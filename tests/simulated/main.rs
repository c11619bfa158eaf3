//! Tests in virtual time, and of the parts that know no time: exact and without waiting.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod arq;
mod arq_transports;
mod budget;
mod certs;
mod compare;
mod driven;
mod dtls;
mod episode;
mod experiment_properties;
mod game;
mod hol_instrument;
mod identities;
mod independence;
mod ladder;
mod limits;
mod link;
mod loaded;
mod memory;
mod moved;
mod order;
mod page;
mod properties;
mod qlog;
mod queueing;
mod quic_trace;
mod registry;
mod remote_limits;
mod remote_virtual;
mod replay;
mod report;
mod samples;
mod serve_guard;
mod serve_virtual;
mod service;
mod share;
mod signed_udp;
mod split;
mod stats;
#[path = "../support/mod.rs"]
mod support;
mod tampering;
mod target;
mod theory;
mod transfer;
mod truth;
mod unit;
mod verify;
mod video;
mod virtual_time;
mod wire;
mod without_sockets;
mod work;
mod workload;
