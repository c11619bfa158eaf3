//! Transports: each connects and accepts over a [`Host`](crate::path::Host), and yields [`Session`]s of one of four
//! shapes.
//!
//! A transport is a folder with its [`Spec`] and its `Protocol`, and a line in the registry.

pub mod arq;
mod clients;
mod congestion;
mod dtls;
mod error;
mod kernel_trace;
mod loss_detection;
pub mod quic;
mod race;
mod recovery;
mod registry;
mod security;
mod session;
mod spec;
mod tcp;
pub mod tls;
pub mod udp;
mod udp_hmac;
mod windows;

#[cfg(feature = "sockets")]
pub(crate) use self::error::lost_reason;
use self::session::DatagramListening;
pub(crate) use self::spec::UDP_HEADERS;
pub(crate) use self::{
    clients::{ClientLimits, Departure, Gate, Place},
    race::race,
    session::Protocol,
    spec::ClosedForm,
    udp_hmac::generate_key,
};
pub use self::{
    congestion::{Congestion, FIXED_WINDOW_BYTES, UnknownCongestion},
    error::{ChannelError, ConnectError},
    loss_detection::{LossDetection, NoTimeThreshold, TimeThreshold},
    recovery::{LimitedBy, Recovery},
    registry::UnknownTransport,
    security::Sessions,
    session::{
        DatagramSession, DialSettings, Establishing, ListenResult, ListenSettings, Listening, Session,
        SessionSettings, StreamSession, dial, listen,
    },
    spec::{
        Carrier, Controllers, Credentials, DatagramBound, Mapping, OrderedUnit, Scheme, Shape, Spec,
        Transport,
    },
    udp_hmac::{InvalidKey, SharedKey},
    windows::WindowMemory,
};

#[cfg(test)]
mod altered;
