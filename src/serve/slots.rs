//! Places for connections: so many in all, and so many for one source.
//!
//! A connection that has not proven itself yet, because its handshake is not over or because it has not said a word,
//! makes room for a newcomer when there is none left. So a heap of half-open connections keeps nobody out: whoever
//! completes a handshake in less time than the heap takes to be renewed gets in.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{Refusal, limits::network};

/// The places of one URL.
#[derive(Debug)]
pub(super) struct Slots {
    total: usize,
    per_source: usize,
    taken: Mutex<Taken>,
}

/// A place, for as long as it is held.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    source: IpAddr,
    number: u64,
    displaced: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    /// The number of the next one: a higher one is younger.
    next: u64,
    unproven: BTreeMap<u64, Unproven>,
    sources: BTreeMap<IpAddr, Source>,
}

#[derive(Debug)]
struct Unproven {
    source: IpAddr,
    displaced: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Source {
    connections: usize,
    unproven: BTreeSet<u64>,
}

impl Slots {
    pub(super) fn new(total: usize, per_source: usize) -> Arc<Self> {
        Arc::new(Self { total, per_source: per_source.min(total), taken: Mutex::default() })
    }

    /// A place for a connection from `source`, for which another may have to go.
    pub(super) fn take(self: &Arc<Self>, source: IpAddr) -> Result<Slot, Refusal> {
        let source = network(source);
        let mut taken = self.lock();
        let of_source = taken.sources.get(&source).map_or(0, |s| s.connections);
        if of_source >= self.per_source {
            let oldest = taken.sources.get(&source).and_then(|s| s.unproven.first().copied());
            let full =
                if self.per_source < self.total { Refusal::SourceConnections } else { Refusal::Connections };
            taken.displace(oldest.ok_or(full)?);
        } else if taken.connections >= self.total {
            let oldest = taken.unproven.keys().next().copied();
            taken.displace(oldest.ok_or(Refusal::Connections)?);
        }
        let displaced = Arc::new(Notify::new());
        let number = taken.enter(source, displaced.clone());
        Ok(Slot { slots: self.clone(), source, number, displaced })
    }

    /// Connections that are there.
    pub(super) fn connections(&self) -> usize {
        self.lock().connections
    }

    /// How many of them have not proven themselves.
    pub(super) fn unproven(&self) -> usize {
        self.lock().unproven.len()
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The connection means it: its place is its own from now on.
    pub(super) fn prove(&self) {
        self.slots.lock().forget_unproven(self.number);
    }

    /// Completes when the place is needed for another.
    pub(super) async fn displaced(&self) {
        self.displaced.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().leave(self.number, self.source);
    }
}

impl Taken {
    fn enter(&mut self, source: IpAddr, displaced: Arc<Notify>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.connections += 1;
        self.unproven.insert(number, Unproven { source, displaced });
        let entry = self.sources.entry(source).or_default();
        entry.connections += 1;
        entry.unproven.insert(number);
        number
    }

    /// Tells a connection to go. Its place counts until it has gone, which is at its next step: what is there may
    /// exceed the limit by those that are on their way out.
    fn displace(&mut self, number: u64) {
        if let Some(unproven) = self.forget_unproven(number) {
            unproven.displaced.notify_one();
        }
    }

    fn forget_unproven(&mut self, number: u64) -> Option<Unproven> {
        let unproven = self.unproven.remove(&number)?;
        if let Some(source) = self.sources.get_mut(&unproven.source) {
            source.unproven.remove(&number);
        }
        Some(unproven)
    }

    fn leave(&mut self, number: u64, source: IpAddr) {
        self.forget_unproven(number);
        self.connections -= 1;
        if let Some(entry) = self.sources.get_mut(&source) {
            entry.connections -= 1;
            if entry.connections == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn proven(slots: &Arc<Slots>, source: IpAddr) -> Slot {
        let slot = slots.take(source).unwrap();
        slot.prove();
        slot
    }

    fn is_displaced(slot: &Slot) -> bool {
        let mut waits = std::pin::pin!(slot.displaced());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        waits.as_mut().poll(&mut cx).is_ready()
    }

    #[test]
    fn one_source_gets_its_share_and_all_together_the_total() {
        let slots = Slots::new(3, 2);
        let held = [proven(&slots, ip(1)), proven(&slots, ip(1))];
        assert_eq!(slots.take(ip(1)).unwrap_err(), Refusal::SourceConnections);
        let other = proven(&slots, ip(2));
        assert_eq!(slots.take(ip(3)).unwrap_err(), Refusal::Connections);
        drop(held);
        assert_eq!(slots.connections(), 1);
        let _ = (proven(&slots, ip(1)), other);
    }

    #[test]
    fn the_oldest_that_has_not_proven_itself_makes_room() {
        let slots = Slots::new(2, 2);
        let (old, young) = (slots.take(ip(1)).unwrap(), slots.take(ip(1)).unwrap());
        let newcomer = slots.take(ip(2)).unwrap();
        assert!(is_displaced(&old) && !is_displaced(&young) && !is_displaced(&newcomer));
        young.prove();
        newcomer.prove();
        drop(old);
        assert_eq!((slots.connections(), slots.unproven()), (2, 0));
        assert_eq!(slots.take(ip(3)).unwrap_err(), Refusal::Connections, "these two mean it");
    }

    #[test]
    fn a_source_at_its_limit_displaces_none_but_its_own() {
        let slots = Slots::new(10, 1);
        let other = slots.take(ip(2)).unwrap();
        let first = slots.take(ip(1)).unwrap();
        let second = slots.take(ip(1)).unwrap();
        assert!(is_displaced(&first) && !is_displaced(&second) && !is_displaced(&other));
    }

    #[test]
    fn nothing_is_remembered_of_a_source_that_has_gone() {
        let slots = Slots::new(10, 10);
        drop((1..=10).map(|last| slots.take(ip(last)).unwrap()).collect::<Vec<_>>());
        let taken = slots.lock();
        assert!(taken.sources.is_empty() && taken.unproven.is_empty() && taken.connections == 0);
    }
}
