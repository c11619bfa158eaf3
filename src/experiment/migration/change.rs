//! A change of the client's address, and how the client reacted to it.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    path::{AddressChange, Handover, NewAddress},
    unit::{Mutex, Time},
};

/// The change of one run, shared by the path, which makes it, and both ends.
#[derive(Debug, Clone)]
pub struct ClientChange {
    /// What the path does.
    pub address: AddressChange,
    /// When the address changes, from the start of the measured time.
    after: Duration,
    reconnections: Arc<Mutex<Reconnections>>,
}

/// The cost of connecting again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reconnections {
    /// Connections that the client made after the first.
    pub connections: u64,
    /// Those of them that it made because nothing had come, without an error.
    #[serde(default)]
    pub after_silence: u64,
    /// Requests that it sent again on a later connection.
    pub requests: u64,
    /// Bytes of messages that were sent again: of these requests, and of replies to requests that had been answered on
    /// an earlier connection.
    pub bytes: u64,
    /// Messages sent before this were given up with their connection: the client does not send them again.
    #[serde(skip)]
    pub abandoned_before: Time,
}

impl ClientChange {
    /// A change `after` the start of the measured time.
    pub(crate) fn new(what: NewAddress, handover: Option<Handover>, after: Duration) -> Self {
        Self { address: AddressChange::new(what, handover), after, reconnections: Arc::default() }
    }

    /// The measured time begins at `start`.
    pub(in crate::experiment) fn begin(&self, start: Time) {
        self.address.schedule(start + self.after);
    }

    /// How long after the start of the measured time it is made.
    pub(in crate::experiment) fn after(&self) -> Duration {
        self.after
    }

    /// The cost of connecting again so far.
    pub(crate) fn reconnections(&self) -> Reconnections {
        *self.reconnections.lock()
    }

    pub(in crate::experiment) fn note(&self, note: impl FnOnce(&mut Reconnections)) {
        note(&mut self.reconnections.lock());
    }
}
