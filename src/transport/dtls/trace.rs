//! Reports to the tap which message a record carries, and which flights of the handshake were sent again.

use super::{
    crypto::sealed,
    record::{self, Part, Random},
};
use crate::{
    path::Received,
    tap::{Carried, Extent, LossCause, Tap},
    wire::Probe,
};

/// The distance between the first offsets of two handshake messages. A message has less than 2^24 bytes, because its
/// length has 24 bits (RFC 9147 section 5.2), and its end takes one more offset.
const MESSAGE: u64 = 1 << 25;

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

    /// `packet` is sent next, in the handshake that began with the ClientHello with this `random`. If it repeats a part
    /// of a flight, it does so for this `cause`.
    pub(super) fn flies(&self, packet: &[u8], random: &Random, cause: LossCause) {
        let Some(tap) = &self.0 else { return };
        let parts = record::handshake_parts(packet, sealed);
        if !parts.is_empty() {
            let data = parts.into_iter().map(|part| extent(random, part)).collect();
            tap.loaded_flight(packet, data, cause);
        }
    }

    /// `datagram` arrived. `opened` tells whether a record in it was decrypted. If the socket reports the transit of a
    /// datagram, the message is never looked up in the tap, so the tap must not keep it.
    pub(super) fn arrived(&self, datagram: &[u8], received: &Received, opened: bool) {
        let Some(tap) = &self.0 else { return };
        if record::is_of_handshake(datagram) {
            // dimpl ignores some datagrams and reports no error, for instance one that begins with an old message.
            tap.landed(datagram, opened || !record::has_protected(datagram));
        } else {
            tap.landed(datagram, opened && received.transit.is_none());
        }
    }
}

/// A part of a handshake message as a range of a stream. Each handshake is a stream of its messages.
fn extent(random: &Random, part: Part) -> Extent {
    let [a, b, c, d, e, f, g, h, ..] = *random;
    let base = u64::from(part.message) * MESSAGE;
    // The end of a message counts as one more byte, so that an empty message is not an empty range.
    let end = u64::from(part.end) + u64::from(part.is_last);
    Extent {
        stream: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        start: base + u64::from(part.start),
        end: base + end,
        ends_stream: false,
    }
}
