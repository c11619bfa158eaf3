//! A rough estimate of how long runs keep a core busy in virtual time, to deal them evenly to several machines.

use crate::transport::{Credentials, Mapping, Shape, Transport};

/// Nanoseconds for a byte of content, over any transport.
pub(super) const PER_BYTE: f64 = 2.5;

/// Nanoseconds for a message and its reply, besides their bytes.
pub(super) fn per_message(transport: Transport) -> f64 {
    match transport.shape() {
        Shape::Datagrams if transport.scheme().credentials == Credentials::None => 2e3,
        Shape::Datagrams => 6e3,
        Shape::Quic(Mapping::Message) => 13e3,
        Shape::Quic(_) => 9e3,
        Shape::Stream | Shape::Arq(_) => 6e3,
    }
}

/// Nanoseconds for a connection and its two exchanges. A certificate costs a signature and its verification.
pub(super) fn per_connection(transport: Transport) -> f64 {
    if transport.scheme().credentials.is_certificate() { 600e3 } else { 20e3 }
}
