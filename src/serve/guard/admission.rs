//! Decides which datagrams, messages and connections of one URL are accepted.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    access::{Access, may_answer},
    connection_slots::{ConnectionSlots, Slot},
    rate_limits::{Excess, RateLimits},
};
use crate::{
    path::Host,
    serve::refusal::Refusal,
    unit::{Mutex, Time},
};

/// The limits of one URL.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) access: Access,
    pub(crate) max_message: usize,
    /// Whether a reply can be longer than its request. Datagrams are then answered for listed sources only.
    pub(crate) amplifies: bool,
    /// Number of unproven connections from which on QUIC clients must validate their address.
    pub(crate) retry_above: usize,
    /// The UDP ports of all URLs, set once all are bound: two echo servers of one process must not answer each other.
    pub(crate) udp_ports: Arc<OnceLock<Vec<u16>>>,
    /// Shared by all URLs.
    pub(crate) rates: Arc<Mutex<RateLimits>>,
    pub(crate) slots: Arc<ConnectionSlots>,
}

impl Admission {
    /// Whether a datagram of `len` bytes from `source` is answered.
    pub(crate) fn datagram(&self, source: SocketAddr, len: usize) -> Result<(), Refusal> {
        self.check_source(source)?;
        let ip = source.ip();
        let allowed = if self.amplifies { self.access.lists(ip) } else { self.access.allows(ip) };
        if !allowed {
            return Err(Refusal::NotAllowed);
        }
        self.message(ip, len)
    }

    /// Whether a message of an admitted source is within the limits.
    pub(crate) fn message(&self, source: IpAddr, len: usize) -> Result<(), Refusal> {
        self.length(len)?;
        self.rate(source)
    }

    /// Whether a message of `len` bytes is short enough.
    pub(crate) fn length(&self, len: usize) -> Result<(), Refusal> {
        if len > self.max_message { Err(Refusal::TooLong) } else { Ok(()) }
    }

    /// Whether a request for a connection over UDP is answered. Its source may be forged.
    pub(crate) fn handshake(&self, source: SocketAddr) -> Result<(), Refusal> {
        self.check_source(source)?;
        if !self.access.allows(source.ip()) {
            return Err(Refusal::NotAllowed);
        }
        self.rate(source.ip())
    }

    /// Reserves a slot for a connection from `source`.
    pub(crate) fn connection(&self, source: IpAddr) -> Result<Slot, Refusal> {
        if !self.access.allows(source) {
            return Err(Refusal::NotAllowed);
        }
        self.slots.take(source)
    }

    /// Reserves a slot for a QUIC connection. While many handshakes are in progress, clients must first prove that they
    /// receive what is sent to their address (RFC 9000 section 8.1.2).
    pub(crate) fn quic_connection(&self, source: IpAddr, validated: bool) -> Result<Slot, Refusal> {
        let must_validate = !validated && self.slots.unproven() >= self.retry_above;
        if must_validate && self.access.allows(source) {
            return Err(Refusal::Retry);
        }
        self.connection(source)
    }

    /// How long a connection must wait before `messages` more are within the rate of `source`.
    pub(crate) fn delay(&self, source: IpAddr, messages: u64) -> Duration {
        self.rate_delay(source, messages, Excess::Delayed)
    }

    /// Limit on the messages per second of `source`; `None` if it has none.
    pub(super) fn rate_of(&self, source: IpAddr) -> Option<NonZeroU32> {
        self.access.rate_of(source)
    }

    /// Admits nothing from `source` until `until`.
    pub(super) fn exhaust(&self, source: IpAddr, rate: NonZeroU32, until: Time) {
        self.rates.lock().exhaust(source, rate, until);
    }

    fn check_source(&self, source: SocketAddr) -> Result<(), Refusal> {
        may_answer(source, self.udp_ports.get().map_or(&[], Vec::as_slice))
    }

    fn rate(&self, source: IpAddr) -> Result<(), Refusal> {
        if self.rate_delay(source, 1, Excess::Dropped).is_zero() { Ok(()) } else { Err(Refusal::RateLimit) }
    }

    fn rate_delay(&self, source: IpAddr, messages: u64, excess: Excess) -> Duration {
        match self.access.rate_of(source) {
            None => Duration::ZERO,
            Some(rate) => self.rates.lock().delay(source, rate, self.host.now(), messages, excess),
        }
    }
}
