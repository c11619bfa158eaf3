//! What the connections of one seed have come to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use crate::{
    link::Counters,
    path::Fidelity,
    stats::Histogram,
    unit::{PerDirection, nanos},
};

/// The figures of many connections. Times run from the instant at which each was begun.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HandshakeOutcome {
    /// Connections begun.
    pub connections: u64,
    /// Those that did not get both replies in time.
    pub failed: u64,
    /// Connections were left out because the run was ended from outside.
    pub interrupted: bool,
    /// Why the first of them failed.
    pub problem: Option<String>,
    /// Until a request could be handed over, in nanoseconds.
    pub connect: Histogram,
    /// Until the first reply, in nanoseconds.
    pub first: Histogram,
    /// Until the second reply, in nanoseconds.
    pub second: Histogram,
    /// First replies that took a second or more, or were given up after a second or more.
    pub over_a_second: u64,
    /// What crossed the link until the first reply, in each direction, for connections that got one; `None` without an
    /// emulated link, or if it carries several connections at a time.
    pub wire: Option<PerDirection<Counters>>,
    /// Time from the first connection attempt to the end of the last connection.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub elapsed: Duration,
    /// How exactly the path emulated the link; `None` in virtual time, which is exact, and without an emulated link.
    pub fidelity: Option<Fidelity>,
}

const A_SECOND: Duration = Duration::from_secs(1);

impl HandshakeOutcome {
    pub(super) fn record(&mut self, attempt: Attempt) {
        self.connections += 1;
        let figures = [
            (&mut self.connect, attempt.connect),
            (&mut self.first, attempt.first),
            (&mut self.second, attempt.second),
        ];
        for (histogram, time) in figures {
            histogram.extend(time.map(nanos));
        }
        self.over_a_second += u64::from(attempt.first.unwrap_or(attempt.took) >= A_SECOND);
        self.add_wire(attempt.wire);
        if attempt.second.is_none() {
            self.failed += 1;
            self.problem = self.problem.take().or(attempt.problem);
        }
    }

    /// Adds what other connections have come to; the time of both stays this one's.
    pub(super) fn merge(&mut self, other: Self) {
        self.connections += other.connections;
        self.failed += other.failed;
        self.interrupted |= other.interrupted;
        self.problem = self.problem.take().or(other.problem);
        self.connect.merge(&other.connect);
        self.first.merge(&other.first);
        self.second.merge(&other.second);
        self.over_a_second += other.over_a_second;
        self.add_wire(other.wire);
    }

    fn add_wire(&mut self, wire: Option<PerDirection<Counters>>) {
        if let Some(wire) = wire {
            *self.wire.get_or_insert_default() += wire;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_is_refused_at_once_did_not_take_a_second() {
        let attempt = |first: Option<u64>, took| Attempt {
            first: first.map(Duration::from_millis),
            took: Duration::from_millis(took),
            ..Attempt::default()
        };
        let mut outcome = HandshakeOutcome::default();
        outcome.record(attempt(None, 0));
        outcome.record(attempt(Some(50), 2000));
        assert_eq!((outcome.failed, outcome.over_a_second), (2, 0));
        outcome.record(attempt(None, 5000));
        outcome.record(attempt(Some(1000), 1050));
        assert_eq!(outcome.over_a_second, 2);
    }
}
