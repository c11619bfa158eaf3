//! Tells a tap which packets a connection declares lost.

use crate::{
    path::Side,
    tap::{LossCause, Tap},
    trace::{LossTrigger, QuicEvent, QuicTrace, QuicTracer, Space},
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
        // Packets of the handshake are not tapped, and the loss of a probe for a larger MTU is no loss.
        if lost.packet_type.space() == Space::Data && lost.ack_eliciting && !lost.is_mtu_probe {
            let cause = match lost.trigger {
                LossTrigger::PacketThreshold => LossCause::PacketThreshold,
                LossTrigger::TimeThreshold => LossCause::TimeThreshold,
            };
            self.0.declared(lost.number, at, cause);
        }
    }
}
