//! A rough estimate of how long runs keep a core busy in virtual time, to deal them evenly to several machines.
//!
//! `cargo test --release --test simulated work -- --ignored` compares it with the time that runs take.

use crate::transport::{Credentials, Mapping, Shape, Transport};

/// Nanoseconds for a message of UDP and its reply in a run without sockets.
pub(super) const WITHOUT_SOCKETS: f64 = 220.0;

/// The payload of a packet.
const PACKET_BYTES: usize = 1200;

/// Nanoseconds for a message and its reply of these lengths. The first packet of each is part of the message.
pub(super) fn per_message(transport: Transport, lengths: [usize; 2]) -> f64 {
    const PER_PACKET: f64 = 1300.0;
    let further = lengths.map(|length| length.saturating_sub(1) / PACKET_BYTES).iter().sum::<usize>();
    let message = match transport.shape() {
        Shape::Datagrams if transport.scheme().credentials == Credentials::None => 750.0,
        Shape::Datagrams => 3500.0,
        Shape::Quic(Mapping::Message) => 7500.0,
        Shape::Quic(Mapping::Datagram) | Shape::Stream | Shape::Arq(_) => 4000.0,
        Shape::Quic(_) => 5000.0,
    };
    message + further as f64 * PER_PACKET
}

/// Nanoseconds for a byte of bulk data.
pub(super) fn per_byte(transport: Transport) -> f64 {
    match transport.shape() {
        Shape::Datagrams if transport.scheme().credentials == Credentials::None => 0.5,
        _ => 2.0,
    }
}

/// Nanoseconds for a connection and its two exchanges. A certificate costs a signature and its verification.
pub(super) fn per_connection(transport: Transport) -> f64 {
    match transport.shape() {
        _ if transport.scheme().credentials.is_certificate() => 900e3,
        Shape::Datagrams => 5e3,
        _ => 20e3,
    }
}
