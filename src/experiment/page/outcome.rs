//! The loads of one seed.

use serde::{Deserialize, Serialize};

use super::{
    load::{Fetch, Load},
    model::Object,
};
use crate::{
    link::Counters,
    path::Fidelity,
    report::{Bar, PagePhases, Waterfall},
    stats::Histogram,
    unit::{PerDirection, Time, nanos},
};

/// The figures of the loads of one seed. Times run from the beginning of a load, in nanoseconds, over complete loads.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PageOutcome {
    /// Bytes of the page.
    pub bytes: u64,
    /// Loads begun.
    pub loads: u64,
    /// Those that did not complete.
    pub failed: u64,
    /// Loads were left out because the run was ended from outside.
    pub interrupted: bool,
    /// Why the first of them failed.
    pub problem: Option<String>,
    /// Connections of complete loads.
    pub connections: u64,
    /// Until the first connection could carry a request.
    pub connect: Histogram,
    /// Until the first message of the document.
    pub first_byte: Histogram,
    /// Until the document was complete.
    pub document: Histogram,
    /// Until the first of the other objects was complete.
    pub first_object: Histogram,
    /// Until each object was complete.
    pub each: Histogram,
    /// From when each object was known to the first message of its answer.
    pub each_first_byte: Histogram,
    /// Until all were complete.
    pub all: Histogram,
    /// The critical path: what the object that was complete last, and those that it came after, waited for. The sum
    /// over loads.
    pub phases: PagePhases,
    /// What crossed the link during the complete loads, in each direction; `None` without an emulated link.
    pub wire: Option<PerDirection<Counters>>,
    /// Packets of complete loads whose contents were sent again, at both ends; `None` without an emulated link, and if
    /// the transport does not tell.
    #[serde(default)]
    pub resent: Option<u64>,
    /// The first complete load, if pictures are wanted.
    pub waterfall: Option<Waterfall>,
    /// How exactly the path emulated the link; `None` in virtual time, which is exact, and without an emulated link.
    pub fidelity: Option<Fidelity>,
}

/// A load that has ended.
pub(super) struct Ended<'a> {
    pub(super) load: &'a Load<'a>,
    pub(super) page: &'a [Object],
    pub(super) wire: Option<PerDirection<Counters>>,
    pub(super) ended: Result<(), String>,
}

impl PageOutcome {
    pub(super) fn record(&mut self, ended: Ended<'_>) {
        let Ended { load, page, wire, ended } = ended;
        self.loads += 1;
        if let Err(problem) = ended {
            self.failed += 1;
            self.problem.get_or_insert(problem);
            return;
        }
        let since = |at: Option<Time>| at.map(|at| nanos(at - load.begun));
        let complete = || load.fetches.iter().filter_map(|fetch| since(fetch.complete));
        let document = load.fetches.first();
        self.connections += load.opened() as u64;
        self.connect.extend(load.connect_time().map(nanos));
        self.first_byte.extend(document.and_then(|document| since(document.first)));
        self.document.extend(document.and_then(|document| since(document.complete)));
        self.first_object.extend(complete().skip(1).min());
        self.each.extend(complete());
        self.each_first_byte
            .extend(load.fetches.iter().filter_map(|fetch| Some(nanos(fetch.first? - fetch.known?))));
        self.all.extend(complete().max());
        self.phases += phases(page, &load.fetches);
        if let Some(wire) = wire {
            *self.wire.get_or_insert_default() += wire;
        }
    }
}

/// The phases of the critical path: of the object that was complete last and of those that it came after. They add up
/// to the time of the load.
fn phases(page: &[Object], fetches: &[Fetch]) -> PagePhases {
    let mut sum = PagePhases::default();
    let last = (0..fetches.len()).max_by_key(|index| fetches[*index].complete);
    let mut next = last;
    while let Some(index) = next {
        next = page[index].after;
        let Fetch {
            known: Some(known), sent: Some(sent), first: Some(first), complete: Some(complete), ..
        } = fetches[index]
        else {
            continue;
        };
        let connecting = nanos(fetches[index].connecting);
        sum += PagePhases {
            connecting_ns: connecting,
            waiting_ns: nanos(sent - known).saturating_sub(connecting),
            request_ns: nanos(first - sent),
            receiving_ns: nanos(complete - first),
        };
    }
    sum
}

/// The waterfall of a complete load.
pub(super) fn waterfall(seed: u64, page: &[Object], load: &Load<'_>) -> Option<Waterfall> {
    let since = |at: Time| nanos(at - load.begun);
    let bar = |(object, fetch): (&Object, &Fetch)| {
        Some(Bar {
            bytes: object.bytes(),
            after: object.after.map(|after| after as u64 + 1),
            connection: fetch.connection as u64 + 1,
            known_ns: since(fetch.known?),
            connecting_from_ns: since(fetch.connecting_from?),
            connecting_ns: nanos(fetch.connecting),
            sent_ns: since(fetch.sent?),
            first_byte_ns: since(fetch.first?),
            complete_ns: since(fetch.complete?),
        })
    };
    let bars = page.iter().zip(&load.fetches).map(bar).collect::<Option<Vec<_>>>()?;
    Some(Waterfall { seed, bars })
}
