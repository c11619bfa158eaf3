//! Reports to the tap which message a record carries.

use crate::{
    path::Received,
    tap::{Carried, Tap},
    wire::Probe,
};

/// Reports to the tap, if there is one.
#[derive(Debug)]
pub(super) struct Trace(Option<Tap>);

impl Trace {
    pub(super) fn new(tap: Option<Tap>) -> Self {
        Self(tap)
    }

    /// `payload` is encrypted to `packet`, which is sent next.
    pub(super) fn sealed(&self, payload: &[u8], packet: &[u8]) {
        if let Some(tap) = &self.0
            && let Ok(probe) = Probe::parse(payload)
        {
            tap.loaded(packet, Carried::Message(probe.id));
        }
    }

    /// `datagram` arrived, and brought a message if it was `opened`. If the socket itself reports when a datagram
    /// entered and left the link, nobody looks the message up in the tap, so the tap must not keep it.
    pub(super) fn arrived(&self, datagram: &[u8], received: &Received, opened: bool) {
        if let Some(tap) = &self.0 {
            tap.landed(datagram, opened && received.transit.is_none());
        }
    }
}
