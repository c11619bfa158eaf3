//! Measures a change of the client's address in the middle of one run. The experiment that uses it is `moved`.

mod addresses;
mod change;
mod repeats;
mod service;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::change::ClientChange;
use self::{
    addresses::Addresses,
    repeats::{Repeats, logged},
    service::Services,
};
pub(crate) use self::{addresses::Unvalidated, change::Reconnections};
use crate::{
    channel::Exchange,
    experiment::record::observe::{PacketLog, SampleSink},
    path::Observer,
    unit::Mutex,
};

/// What a change of the client's address cost in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MigrationFigures {
    /// The longest time between two replies, from the last before the change to the first of a message that was due
    /// after it. `None` if none of those came back. Messages without a reply count by their arrival, and in a game the
    /// direction with the longer gap counts.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub gap: Option<Duration>,
    /// Messages that never came back, due between the last that was answered before the change and the first that was
    /// answered after it.
    pub lost: u64,
    /// From the change to the first reply after it with the usual latency, if all messages that were due in the two
    /// round trips after that message had it too.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub full_speed: Option<Duration>,
    /// The median latency before the change or, after a handover, of the second half of the time after it. In a game,
    /// the sum of both directions.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub usual: Option<Duration>,
    /// Bytes of messages that entered the link more than once. Only messages first sent before the end of the gap
    /// count.
    pub repeated_bytes: u64,
    /// The cost of connecting again.
    pub reconnections: Reconnections,
    /// Packets to the old address that were dropped at the client's end.
    pub unroutable: u64,
    /// What the server sent to a new address before the address could have been validated.
    pub unvalidated: Option<Unvalidated>,
}

/// Measures the change of one run.
#[derive(Debug, Clone)]
pub(crate) struct Migration {
    pub(super) change: ClientChange,
    services: Arc<Mutex<Services>>,
    repeats: Arc<Mutex<Repeats>>,
    addresses: Arc<Mutex<Addresses>>,
}

impl Migration {
    /// Measures `change` in a run with these messages.
    pub(crate) fn new(change: ClientChange, exchange: Exchange) -> Self {
        let address = change.address.clone();
        Self {
            services: Arc::new(Mutex::new(Services::new(&address, exchange))),
            repeats: Arc::new(Mutex::new(Repeats::new(address.clone()))),
            addresses: Arc::new(Mutex::new(Addresses::new(address))),
            change,
        }
    }

    /// A sink that measures each message and passes it on to `next`.
    pub(super) fn sink(&self, next: Option<SampleSink>) -> SampleSink {
        let (services, repeats, mut next) = (self.services.clone(), self.repeats.clone(), next);
        Box::new(move |sample| {
            let is_back = {
                let mut services = services.lock();
                services.note(sample);
                services.are_back()
            };
            if is_back {
                repeats.lock().stop_following();
            }
            if let Some(next) = &mut next {
                next(sample);
            }
        })
    }

    /// A log of packets that finds repeated bytes, and passes each event on to `next`.
    pub(super) fn packets(&self, next: Option<PacketLog>) -> PacketLog {
        logged(self.repeats.clone(), next)
    }

    /// An observer of the packets to and from new addresses.
    pub(super) fn observer(&self) -> Box<dyn Observer> {
        addresses::observer(self.addresses.clone())
    }

    /// The figures, once the run is over.
    pub(crate) fn figures(&self) -> MigrationFigures {
        let reconnections = self.change.reconnections();
        MigrationFigures {
            repeated_bytes: self.repeats.lock().bytes() + reconnections.bytes,
            reconnections,
            unroutable: self.change.address.unroutable(),
            unvalidated: self.addresses.lock().worst(),
            ..self.services.lock().figures()
        }
    }
}
