//! Transports: each connects and accepts over a [`Host`](crate::path::Host), and yields [`Session`]s of one of four
//! shapes.
//!
//! A transport is a folder with its [`Spec`] and its [`Protocol`], and a line in the registry.

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

#[cfg(real_time)]
pub(crate) use self::error::lost_reason;
use self::session::DatagramListening;
pub(crate) use self::spec::UDP_HEADERS;
pub use self::{
    clients::{ClientLimits, Departure, Gate, Place},
    congestion::{Congestion, FIXED_WINDOW_BYTES, UnknownCongestion},
    error::{ChannelError, ConnectError},
    loss_detection::{LossDetection, NoTimeThreshold, TimeThreshold},
    race::race,
    recovery::{LimitedBy, Recovery},
    registry::UnknownTransport,
    security::Sessions,
    session::{
        DatagramSession, DialSettings, Establishing, ListenResult, ListenSettings, Listening, Protocol,
        Session, SessionSettings, StreamSession, dial, listen,
    },
    spec::{
        Carrier, ClosedForm, Controllers, Credentials, DatagramBound, Mapping, OrderedUnit, Scheme, Shape,
        Spec, Transport,
    },
    udp_hmac::{InvalidKey, SharedKey, generate_key},
    windows::WindowMemory,
};

#[cfg(test)]
mod altered;
