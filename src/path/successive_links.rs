//! One direction of a link that is replaced when the client changes to another network.

use std::fmt;

use super::address_change::AddressChange;
use crate::{
    link::{Counters, Event, Link, LinkSpec, PacketTraits},
    unit::{Direction, Time},
};

/// A link, and the one that replaces it when the client has another network. Packets that are on the first link at that
/// time still arrive over it. So do those that the server sends to the old address during the outage, and they are
/// dropped at its end.
#[derive(Debug)]
pub(super) struct SuccessiveLinks<P> {
    link: Link<P>,
    later: Option<(AddressChange, Link<P>)>,
}

impl<P: Clone + fmt::Debug + Send + 'static> SuccessiveLinks<P> {
    pub(super) fn new(spec: LinkSpec, seed: u64, direction: Direction) -> Self {
        Self { link: Link::new(spec, seed, direction), later: None }
    }

    /// If `change` is a handover, another link replaces the first after the outage. It has random draws of its own.
    pub(super) fn replace_at(&mut self, change: &AddressChange, seed: u64, direction: Direction) {
        let after = change.handover().map(|handover| handover.after[direction].clone());
        self.later = after.map(|spec| (change.clone(), Link::new(spec, seed.wrapping_add(1), direction)));
    }

    /// The link that takes packets at `now`.
    fn current(&mut self, now: Time) -> &mut Link<P> {
        match &mut self.later {
            Some((change, later)) if change.has_network_again(now) => later,
            _ => &mut self.link,
        }
    }

    pub(super) fn counters(&self) -> Counters {
        let mut counters = self.link.counters();
        self.later.iter().for_each(|(_, later)| counters += later.counters());
        counters
    }

    pub(super) fn enqueue_known(
        &mut self,
        now: Time,
        ip_bytes: usize,
        packet: P,
        traits: impl FnOnce(&P) -> PacketTraits,
    ) {
        self.current(now).enqueue_known(now, ip_bytes, packet, traits);
    }

    /// Whether a packet of this size is within the MTU.
    pub(super) fn carries(&mut self, now: Time, ip_bytes: usize) -> bool {
        self.current(now).carries(ip_bytes)
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let later = self.later.as_ref().and_then(|(_, later)| later.poll_timeout());
        self.link.poll_timeout().into_iter().chain(later).min()
    }

    /// The next event of either link by `now`, the earliest first.
    pub(super) fn poll(&mut self, now: Time) -> Option<Event<P>> {
        let Some((_, later)) = &mut self.later else { return self.link.poll(now) };
        let is_later = match (self.link.poll_timeout(), later.poll_timeout()) {
            (Some(first), Some(second)) => second < first,
            (first, _) => first.is_none(),
        };
        if is_later { later.poll(now) } else { self.link.poll(now) }
    }
}
