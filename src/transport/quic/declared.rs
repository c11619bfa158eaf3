//! Reports the packets that a connection declares lost to a tap.

use crate::{
    path::Side,
    tap::Tap,
    trace::{QuicEvent, QuicTrace, QuicTracer, Space},
    unit::Time,
};

/// Traces the losses of one end's connections.
#[derive(Debug)]
pub(super) struct DeclaredLosses(pub(super) Tap);

impl QuicTracer for DeclaredLosses {
    fn trace(&self, _: Side, _: &[u8]) -> Option<Box<dyn QuicTrace>> {
        Some(Box::new(ToTap(self.0.clone())))
    }
}

struct ToTap(Tap);

impl QuicTrace for ToTap {
    fn record(&mut self, at: Time, event: &QuicEvent<'_>) {
        let QuicEvent::Lost(lost) = event else { return };
        // The tap follows neither packets of the handshake nor probes for a larger MTU.
        if lost.packet_type.space() == Space::Data && lost.ack_eliciting && !lost.is_mtu_probe {
            self.0.declared(lost.number, at, lost.into());
        }
    }
}
