//! When the next client of a server needs attention.

use std::{collections::BTreeSet, net::SocketAddr};

use crate::unit::Time;

/// One alarm for each client, which may ring early: deadlines move later with almost every datagram, and alarms follow
/// only once they ring.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(Time, SocketAddr)>);

/// When the alarm of a client rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alarm(Time);

impl Alarm {
    /// It does not ring.
    pub(super) const OFF: Self = Self(Time::MAX);
}

impl Deadlines {
    /// Makes the alarm of `client` ring no later than `due`.
    pub(super) fn set(&mut self, client: SocketAddr, alarm: &mut Alarm, due: Time) {
        if due < alarm.0 {
            self.clear(client, alarm);
            self.0.insert((due, client));
            *alarm = Alarm(due);
        }
    }

    /// Turns off the alarm of `client`.
    pub(super) fn clear(&mut self, client: SocketAddr, alarm: &mut Alarm) {
        self.0.remove(&(alarm.0, client));
        *alarm = Alarm::OFF;
    }

    /// When the first alarm rings.
    pub(super) fn next(&self) -> Time {
        self.0.first().map_or(Time::MAX, |(at, _)| *at)
    }

    /// The client whose alarm rings at `now`, if there is one.
    pub(super) fn ringing(&self, now: Time) -> Option<SocketAddr> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, client)| *client)
    }
}
