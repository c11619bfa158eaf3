//! What the network did to messages, each way: loss, variation of delay (RFC 3393), reordering (RFC 4737).
//!
//! The clocks of the two ends need not agree. Variation is the difference between the one-way times of two consecutive
//! messages, in which a constant offset cancels. A drift remains: at 10 ppm, 0.1 us between messages 10 ms apart.

use serde::{Deserialize, Serialize};

use crate::{
    channel::Delivery,
    experiment::record::AtServer,
    stats::{Arrival, Histogram, Sequence},
    unit::{PerDirection, Time},
};

/// The network's figures of one run, over delivered messages of the measured time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NetworkFigures {
    /// Magnitudes of the differences between round trips, in nanoseconds.
    pub variation: Histogram,
    /// From a request's release until its reply was handed over, in nanoseconds, where the server reports it.
    pub hold: Histogram,
    /// To the server and to the client.
    pub ways: PerDirection<WayFigures>,
    /// Messages with a report of the server.
    pub reported: u64,
    /// Lost datagrams whose direction is unknown.
    pub unattributed: u64,
    /// Requests that the server reports as refused, warm-up included.
    pub refused: u64,
}

/// One way's figures.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WayFigures {
    /// Datagrams known to be lost on it.
    pub lost: u64,
    /// Magnitudes of the differences between one-way times, in nanoseconds.
    pub variation: Histogram,
    /// Overtaken messages.
    pub reordered: u64,
    /// By how many messages each was overtaken.
    pub extent: Histogram,
}

/// Follows a run.
#[derive(Debug, Default)]
pub(in crate::experiment) struct NetworkTracker {
    /// The last round trips, by the message's last bits.
    trips: Trips,
    replies: Sequence,
}

/// A request as the server saw it, and its place among those that the server saw.
#[derive(Debug, Clone, Copy)]
pub(in crate::experiment) struct ServerView<'a> {
    pub(in crate::experiment) at_server: &'a AtServer,
    pub(in crate::experiment) arrival: Arrival,
}

/// A message that came back.
#[derive(Debug, Clone, Copy)]
pub(in crate::experiment) struct Returned<'a> {
    pub(in crate::experiment) number: u64,
    pub(in crate::experiment) measured: bool,
    pub(in crate::experiment) sent: Time,
    /// `None` if the server did not report.
    pub(in crate::experiment) view: Option<&'a ServerView<'a>>,
    pub(in crate::experiment) reply: &'a Delivery,
}

impl NetworkTracker {
    /// A message came back. `figures` takes it in if it was measured.
    pub(in crate::experiment) fn note(&mut self, returned: Returned<'_>, figures: &mut NetworkFigures) {
        let Returned { number, measured, sent, view, reply } = returned;
        let back = view.map(|view| self.replies.note(view.arrival.count));
        if measured && let Some((view, back)) = view.zip(back) {
            let AtServer { delivery, replied } = view.at_server;
            figures.reported += 1;
            figures.hold.record(replied.nanos_since(delivery.released));
            for (way, arrival) in figures.ways.iter_mut().zip([view.arrival, back]) {
                if arrival.extent > 0 {
                    way.reordered += 1;
                    way.extent.record(arrival.extent);
                }
            }
        }
        self.trips.note(Trip { number, measured, times: times(sent, view, reply) }, figures);
    }
}

/// Round trip, to the server, to the client. One-way times are negative if the server's clock is behind.
fn times(sent: Time, view: Option<&ServerView<'_>>, reply: &Delivery) -> [Option<i64>; 3] {
    let between = |from: Time, to: Time| to.as_nanos().wrapping_sub(from.as_nanos()) as i64;
    let arrived = |delivery: &Delivery| delivery.arrived.unwrap_or(delivery.released);
    let back = arrived(reply);
    let at_server = view.map(|view| view.at_server);
    [
        Some(between(sent, back)),
        at_server.map(|there| between(sent, arrived(&there.delivery))),
        at_server.map(|there| between(there.replied, back)),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Trip {
    number: u64,
    measured: bool,
    times: [Option<i64>; 3],
}

/// Pairs consecutive messages, whichever of them comes back first.
#[derive(Debug)]
struct Trips(Box<[Option<Trip>]>);

/// How far out of order messages may come back and still be paired.
const REMEMBERED: u64 = 256;

impl Default for Trips {
    fn default() -> Self {
        Self(vec![None; REMEMBERED as usize].into())
    }
}

impl Trips {
    fn note(&mut self, trip: Trip, figures: &mut NetworkFigures) {
        let before = trip.number.checked_sub(1).and_then(|number| self.get(number));
        let after = self.get(trip.number + 1);
        before.into_iter().for_each(|before| difference(&before, &trip, figures));
        after.into_iter().for_each(|after| difference(&trip, &after, figures));
        self.0[(trip.number % REMEMBERED) as usize] = Some(trip);
    }

    fn get(&self, number: u64) -> Option<Trip> {
        self.0[(number % REMEMBERED) as usize].filter(|trip| trip.number == number)
    }
}

fn difference(earlier: &Trip, later: &Trip, figures: &mut NetworkFigures) {
    if !(earlier.measured && later.measured) {
        return;
    }
    let PerDirection { to_server, to_client } = &mut figures.ways;
    let into = [&mut figures.variation, &mut to_server.variation, &mut to_client.variation];
    for ((earlier, later), histogram) in earlier.times.iter().zip(later.times).zip(into) {
        if let Some((earlier, later)) = earlier.zip(later) {
            histogram.record(later.wrapping_sub(earlier).unsigned_abs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(number: u64, time: i64) -> Trip {
        Trip { number, measured: true, times: [Some(time), None, Some(time / 2)] }
    }

    #[test]
    fn messages_sent_one_after_the_other_are_paired_in_whatever_order_they_come_back() {
        let (mut trips, mut figures) = (Trips::default(), NetworkFigures::default());
        for (number, time) in [(0, 100), (2, 140), (1, 90), (4, 50)] {
            trips.note(trip(number, time), &mut figures);
        }
        let summary = figures.variation.summary();
        assert_eq!((summary.n, summary.min, summary.max), (2, Some(10), Some(50)));
        assert_eq!(figures.ways.to_server.variation.n(), 0);
        assert_eq!(figures.ways.to_client.variation.max(), Some(25));
    }

    #[test]
    fn clocks_that_are_hours_apart_change_nothing() {
        let (mut trips, mut figures) = (Trips::default(), NetworkFigures::default());
        trips.note(trip(0, -7_200_000_000_000), &mut figures);
        trips.note(trip(1, -7_200_000_000_007), &mut figures);
        assert_eq!(figures.variation.max(), Some(7));
    }
}
