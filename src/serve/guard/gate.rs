//! The limits of a URL, for a transport that keeps a state for each client of one socket.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::{admission::Admission, connection_slots::Slot};
use crate::{
    serve::{counters::Counters, refusal::Refusal},
    transport::{Departure, Gate, Place},
};

/// Applies the limits of a URL, and counts what is refused.
#[derive(Debug)]
pub(crate) struct UrlGate {
    pub(crate) admission: Admission,
    pub(crate) counters: Arc<Counters>,
}

impl UrlGate {
    fn count_refusal<T>(&self, admitted: Result<T, Refusal>) -> Option<T> {
        admitted.inspect_err(|refusal| self.counters.refuse(*refusal, 1)).ok()
    }
}

impl Gate for UrlGate {
    fn hello(&self, source: SocketAddr) -> bool {
        self.count_refusal(self.admission.handshake(source)).is_some()
    }

    fn place(&self, source: IpAddr) -> Option<Box<dyn Place>> {
        let slot = self.count_refusal(self.admission.connection(source))?;
        Some(Box::new(slot))
    }

    fn departed(&self, departure: Departure) {
        let refusal = match departure {
            Departure::Failed => Refusal::Handshake,
            Departure::Evicted => Refusal::Evicted,
            Departure::Idle => Refusal::Idle,
        };
        self.counters.refuse(refusal, 1);
    }
}

impl Place for Slot {
    fn prove(&self) {
        Self::prove(self);
    }

    fn is_evicted(&self) -> bool {
        self.was_evicted()
    }
}
