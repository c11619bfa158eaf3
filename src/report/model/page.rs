//! Loads of a page.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{ratio::Ratio, wire::HandshakeMode};
use crate::stats::Summary;

/// The loads of a page, each over new connections. Times run from the beginning of a load, over complete loads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// What the client knew of the server before.
    pub mode: HandshakeMode,
    /// The most connections of a load. A single connection carries all requests at once, and each of several carries
    /// one at a time. Null for transports that have one only.
    pub max_connections: Option<u64>,
    /// Objects of the page, with the document.
    pub objects: u64,
    /// Bytes of the page, over seeds.
    pub mean_bytes: Option<u64>,
    /// Loads begun.
    pub loads: u64,
    /// Loads that were complete.
    pub complete: u64,
    /// Loads that failed or took too long.
    pub failed: u64,
    /// Connections of a complete load, over loads.
    pub connections_per_load: Option<Ratio>,
    /// Until the first message of the document: the time to first byte.
    pub first_byte_ns: Summary,
    /// Until the document was complete.
    pub document_ns: Summary,
    /// Until the first of the other objects was complete.
    pub first_object_ns: Summary,
    /// Until each object was complete, one value per object.
    pub each_object_ns: Summary,
    /// From when each object was known to the first message of its answer, one value per object.
    pub object_first_byte_ns: Summary,
    /// Until all objects were complete.
    pub complete_ns: Summary,
    /// The median of the loads in round trips of the link; null without one.
    pub round_trips: Option<Ratio>,
    /// What the object that was complete last, and those that it came after, waited for: the mean over loads.
    pub phases_mean_ns: Option<PagePhases>,
    /// Why the first failed load failed; null if none did.
    pub problem: Option<String>,
}

impl Page {
    /// Of no loads.
    pub fn of(mode: HandshakeMode) -> Self {
        Self {
            mode,
            max_connections: None,
            objects: 0,
            mean_bytes: None,
            loads: 0,
            complete: 0,
            failed: 0,
            connections_per_load: None,
            first_byte_ns: Summary::default(),
            document_ns: Summary::default(),
            first_object_ns: Summary::default(),
            each_object_ns: Summary::default(),
            object_first_byte_ns: Summary::default(),
            complete_ns: Summary::default(),
            round_trips: None,
            phases_mean_ns: None,
            problem: None,
        }
    }
}

/// What objects waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePhases {
    /// For the handshake of their connection.
    pub connecting_ns: u64,
    /// For a connection that was free.
    pub waiting_ns: u64,
    /// From the request to the first message of the answer.
    pub request_ns: u64,
    /// From the first message of the answer to the last.
    pub receiving_ns: u64,
}

impl PagePhases {
    /// The same phases with other values.
    pub(crate) fn map(self, of: impl Fn(u64) -> u64) -> Self {
        Self {
            connecting_ns: of(self.connecting_ns),
            waiting_ns: of(self.waiting_ns),
            request_ns: of(self.request_ns),
            receiving_ns: of(self.receiving_ns),
        }
    }
}

impl AddAssign for PagePhases {
    fn add_assign(&mut self, other: Self) {
        self.connecting_ns += other.connecting_ns;
        self.waiting_ns += other.waiting_ns;
        self.request_ns += other.request_ns;
        self.receiving_ns += other.receiving_ns;
    }
}

/// One load, object by object. Instants count from its beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waterfall {
    /// The seed of the load.
    pub seed: u64,
    /// The objects in the order of the page, the document first.
    pub bars: Vec<Bar>,
}

/// One object of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Its size.
    pub bytes: u64,
    /// The number of the object that had to be complete before, from 1; null if it was requested at once.
    pub after: Option<u64>,
    /// The number of its connection, from 1.
    pub connection: u64,
    /// When it became known.
    pub known_ns: u64,
    /// When it began to wait for the handshake of its connection.
    #[serde(default)]
    pub connecting_from_ns: u64,
    /// How long it waited for that.
    pub connecting_ns: u64,
    /// When its request was sent.
    pub sent_ns: u64,
    /// When the first message of the answer was complete.
    pub first_byte_ns: u64,
    /// When the answer was complete.
    pub complete_ns: u64,
}
