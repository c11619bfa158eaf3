//! How messages travel: each transport connects and accepts over a [`Host`], and an experiment sees it
//! as a [`Channel`].

pub mod arq;
pub mod bulk;
mod congestion;
mod connect;
mod delivery;
mod error;
mod inbox;
pub mod order;
pub mod quic;
mod registry;
mod spec;
pub mod stream;
mod tcp;
pub mod tls;
pub mod udp;

use std::{
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

pub(crate) use self::connect::tls_connect;
pub use self::{
    congestion::{Congestion, FIXED_WINDOW_BYTES, UnknownCongestion},
    connect::{Acceptor, Settings, connect, listen},
    delivery::{Cause, Delivery, Entered},
    error::{ChannelError, ConnectError},
    registry::UnknownTransport,
    spec::{
        Carrier, ClosedForm, Controllers, DatagramBound, Mapping, OrderedUnit, Scheme, Shape, Spec, Transport,
    },
    tls::Sessions,
};
#[cfg(doc)]
use crate::path::Host;
use crate::wire::Probe;

/// One end of a transport, as an experiment sees it.
///
/// Sending never waits: an experiment's schedule is open-loop, and what the transport cannot take yet is
/// queued, so that the time it waits there is the transport's and is measured.
pub trait Channel: Send {
    /// Hands over a message of `length` bytes that begins with `probe`'s header.
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError>;

    /// The next message that order lets this end have.
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>>;

    /// What the transport has done so far to recover from loss.
    fn recovery(&self) -> Recovery;
}

impl dyn Channel {
    /// The next message; see [`Channel::poll_recv`].
    pub async fn recv(&mut self) -> Result<Delivery, ChannelError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }
}

/// What one end of a transport did to recover from loss. `None`: the transport does not do or tell this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Packets that were declared lost and whose contents were sent again.
    pub retransmitted_packets: Option<u64>,
    /// How often the congestion controller reduced its window.
    pub congestion_events: Option<u64>,
    /// The smallest congestion window, in bytes.
    pub min_window_bytes: Option<u64>,
    /// Retransmission timeouts (RFC 6298).
    pub timeouts: Option<u64>,
    /// How long the congestion window was full.
    pub window_limited: Option<Duration>,
    /// Messages that arrived with changed bits.
    pub corrupted: u64,
}
