//! Limits on the number of connections: one in total, and one for each source.
//!
//! A connection is *unproven* until its handshake is complete or, on TCP, its first byte has arrived. When no slot is
//! free, the oldest unproven connection is evicted. Half-open connections therefore cannot keep other clients out,
//! as long as a client completes its handshake before the attacker has replaced all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Waker},
};

use tokio::sync::Notify;

use crate::{path::network, serve::refusal::Refusal, unit::Mutex};

/// The connection slots of one URL.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    total: usize,
    per_source: usize,
    taken: Mutex<Taken>,
}

/// A slot taken by a connection. It is free again when dropped or freed.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<ConnectionSlots>,
    source: IpAddr,
    number: u64,
    evicted: Arc<Notify>,
    state: AtomicU8,
}

/// States of a slot.
const HELD: u8 = 0;
/// Held until it is dropped.
const KEPT: u8 = 1;
const FREED: u8 = 2;

#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    /// Number of the next connection. Numbers ascend, so the lowest is the oldest.
    next: u64,
    unproven: BTreeMap<u64, Unproven>,
    sources: BTreeMap<IpAddr, Source>,
}

#[derive(Debug)]
struct Unproven {
    source: IpAddr,
    evicted: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Source {
    connections: usize,
    unproven: BTreeSet<u64>,
}

impl ConnectionSlots {
    pub(crate) fn new(total: usize, per_source: usize) -> Arc<Self> {
        Arc::new(Self { total, per_source: per_source.min(total), taken: Mutex::default() })
    }

    /// Takes a slot for a connection from `source`. May evict an unproven connection.
    pub(crate) fn take(self: &Arc<Self>, source: IpAddr) -> Result<Slot, Refusal> {
        let source = network(source);
        let mut taken = self.taken.lock();
        let of_source = taken.sources.get(&source).map_or(0, |s| s.connections);
        if of_source >= self.per_source {
            let oldest = taken.sources.get(&source).and_then(|s| s.unproven.first().copied());
            let full =
                if self.per_source < self.total { Refusal::SourceConnections } else { Refusal::Connections };
            taken.evict(oldest.ok_or(full)?);
        } else if taken.connections >= self.total {
            let oldest = taken.unproven.keys().next().copied();
            taken.evict(oldest.ok_or(Refusal::Connections)?);
        }
        let evicted = Arc::new(Notify::new());
        let number = taken.insert(source, evicted.clone());
        Ok(Slot { slots: self.clone(), source, number, evicted, state: AtomicU8::new(HELD) })
    }

    /// Number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.taken.lock().connections
    }

    /// Number of unproven connections.
    pub(crate) fn unproven(&self) -> usize {
        self.taken.lock().unproven.len()
    }
}

impl Slot {
    /// The connection is proven: it is not evicted any more.
    pub(crate) fn prove(&self) {
        self.slots.taken.lock().remove_unproven(self.number);
    }

    /// Frees the slot, unless it is to be [kept](Self::keep). A client that has seen the end of its connection may make
    /// the next one at once.
    pub(crate) fn free(&self) {
        if self.state.compare_exchange(HELD, FREED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.slots.taken.lock().remove(self.number, self.source);
        }
    }

    /// The connection will take long to close, and keeps its slot until then.
    pub(crate) fn keep(&self) {
        // One that is free already stays free.
        let _ = self.state.compare_exchange(HELD, KEPT, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Completes when the connection is evicted.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Whether the connection was evicted.
    pub(crate) fn was_evicted(&self) -> bool {
        let mut evicted = pin!(self.evicted.notified());
        let was_evicted = evicted.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if was_evicted {
            // Polling has taken the notification, and who asks again shall have the same answer.
            self.evicted.notify_one();
        }
        was_evicted
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if *self.state.get_mut() != FREED {
            self.slots.taken.lock().remove(self.number, self.source);
        }
    }
}

impl Taken {
    fn insert(&mut self, source: IpAddr, evicted: Arc<Notify>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.connections += 1;
        self.unproven.insert(number, Unproven { source, evicted });
        let entry = self.sources.entry(source).or_default();
        entry.connections += 1;
        entry.unproven.insert(number);
        number
    }

    /// Evicts an unproven connection. It holds its slot until its task has ended, so the number of connections may
    /// exceed the limit for a moment.
    fn evict(&mut self, number: u64) {
        if let Some(unproven) = self.remove_unproven(number) {
            unproven.evicted.notify_one();
        }
    }

    fn remove_unproven(&mut self, number: u64) -> Option<Unproven> {
        let unproven = self.unproven.remove(&number)?;
        if let Some(source) = self.sources.get_mut(&unproven.source) {
            source.unproven.remove(&number);
        }
        Some(unproven)
    }

    fn remove(&mut self, number: u64, source: IpAddr) {
        self.remove_unproven(number);
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

    fn proven(slots: &Arc<ConnectionSlots>, source: IpAddr) -> Slot {
        let slot = slots.take(source).unwrap();
        slot.prove();
        slot
    }

    fn is_evicted(slot: &Slot) -> bool {
        slot.was_evicted()
    }

    #[test]
    fn connections_are_limited_per_source_and_in_total() {
        let slots = ConnectionSlots::new(3, 2);
        let held = [proven(&slots, ip(1)), proven(&slots, ip(1))];
        assert_eq!(slots.take(ip(1)).unwrap_err(), Refusal::SourceConnections);
        let other = proven(&slots, ip(2));
        assert_eq!(slots.take(ip(3)).unwrap_err(), Refusal::Connections);
        drop(held);
        assert_eq!(slots.connections(), 1);
        let _ = (proven(&slots, ip(1)), other);
    }

    #[test]
    fn the_oldest_unproven_connection_is_evicted() {
        let slots = ConnectionSlots::new(2, 2);
        let (old, young) = (slots.take(ip(1)).unwrap(), slots.take(ip(1)).unwrap());
        let newcomer = slots.take(ip(2)).unwrap();
        assert!(is_evicted(&old) && !is_evicted(&young) && !is_evicted(&newcomer));
        assert!(is_evicted(&old), "asked again");
        young.prove();
        newcomer.prove();
        drop(old);
        assert_eq!((slots.connections(), slots.unproven()), (2, 0));
        assert_eq!(slots.take(ip(3)).unwrap_err(), Refusal::Connections, "both are proven");
    }

    #[test]
    fn a_source_at_its_limit_evicts_only_its_own_connections() {
        let slots = ConnectionSlots::new(10, 1);
        let other = slots.take(ip(2)).unwrap();
        let first = slots.take(ip(1)).unwrap();
        let second = slots.take(ip(1)).unwrap();
        assert!(is_evicted(&first) && !is_evicted(&second) && !is_evicted(&other));
    }

    #[test]
    fn a_freed_slot_can_be_taken_before_it_is_dropped_and_a_kept_one_cannot() {
        let slots = ConnectionSlots::new(1, 1);
        let freed = proven(&slots, ip(1));
        freed.free();
        let kept = proven(&slots, ip(2));
        drop(freed);
        kept.keep();
        kept.free();
        assert_eq!(slots.take(ip(1)).unwrap_err(), Refusal::Connections);
        drop(kept);
        assert_eq!(slots.connections(), 0);
        let freed = proven(&slots, ip(1));
        freed.free();
        freed.keep();
        drop(freed);
        assert_eq!(slots.connections(), 0, "freed once");
    }

    #[test]
    fn no_state_is_left_after_the_last_connection_of_a_source() {
        let slots = ConnectionSlots::new(10, 10);
        drop((1..=10).map(|last| slots.take(ip(last)).unwrap()).collect::<Vec<_>>());
        let taken = slots.taken.lock();
        assert!(taken.sources.is_empty() && taken.unproven.is_empty() && taken.connections == 0);
    }
}
