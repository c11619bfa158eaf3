//! What the link did: on the live line, and in the report at the end.

use std::{fmt, time::Duration};

use serde_json::{Value, json};
use wirelab::{
    link::{Counters, LinkSpec},
    path::{AddressChange, Fidelity, QueueDelays},
    stats::{Histogram, Summary},
    unit::{Direction, PerDirection, format_duration},
};

/// What the link did, and how exactly this machine emulated it.
pub(super) struct LinkReport<'a> {
    pub(super) seed: u64,
    pub(super) links: &'a PerDirection<LinkSpec>,
    pub(super) counters: PerDirection<Counters>,
    pub(super) queue: QueueDelays,
    pub(super) fidelity: Fidelity,
}

impl LinkReport<'_> {
    pub(super) fn json(&self) -> Value {
        let Self { seed, links, fidelity, .. } = self;
        json!({
            "seed": seed,
            "link": links,
            "to_server": self.direction(Direction::ToServer),
            "to_client": self.direction(Direction::ToClient),
            "lateness_ns": fidelity.lateness.summary(),
            "dropped_packets": fidelity.dropped,
            "send_errors": fidelity.send_errors,
        })
    }

    fn direction(&self, way: Direction) -> Value {
        let mut counters = json!(self.counters[way]);
        counters["queue_delay_ns"] = json!(self.queue[way].as_ref().map(Histogram::summary));
        counters
    }

    /// A line for each direction.
    pub(super) fn write_directions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counters, queue, .. } = self;
        writeln!(f, "to server: {}", words(&counters.to_server, queue.to_server.as_ref()))?;
        write!(f, "to client: {}", words(&counters.to_client, queue.to_client.as_ref()))
    }

    /// How exactly this machine emulated the link: a new line for each figure.
    pub(super) fn write_fidelity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fidelity = &self.fidelity;
        let lateness = fidelity.lateness.summary();
        if let (Some(p50), Some(p99)) = (lateness.p50, lateness.p99) {
            let [p50, p99] = [p50, p99].map(|ns| format_duration(Duration::from_micros(ns / 1000)));
            write!(f, "\nthis machine: packets left {p50} late at the median, {p99} at the 99th percentile")?;
        }
        let dropped = fidelity.dropped.unwrap_or(0);
        if dropped > 0 {
            write!(f, "\nthis machine dropped {dropped} packets, in addition to the link's losses")?;
        }
        if fidelity.send_errors > 0 {
            write!(f, "\n{} packets could not be sent", fidelity.send_errors)?;
        }
        Ok(())
    }
}

/// A line about packets to the old addresses, if addresses changed.
pub(super) fn write_unroutable(change: Option<&AddressChange>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(change) = change else { return Ok(()) };
    write!(f, "\npackets to addresses that clients no longer had: {}", change.unroutable())
}

/// The text of the live line.
pub(super) fn live(counters: PerDirection<Counters>) -> String {
    let PerDirection { to_server, to_client } = counters.map(|counters| {
        format!("{} packets, {} lost", counters.packets, counters.lost + counters.queue_dropped)
    });
    format!("to server {to_server}; to client {to_client}")
}

/// One direction in words, without counters that are zero. `queue` has the delays of its queue.
fn words(counters: &Counters, queue: Option<&Histogram>) -> String {
    let mut text = format!("{} packets ({} bytes)", counters.packets, counters.bytes);
    let mut separator = ":";
    for (number, what) in [
        (counters.lost, "lost"),
        (counters.queue_dropped - counters.aqm_dropped, "dropped by the full queue"),
        (counters.aqm_dropped, "dropped by the queue's management"),
        (counters.marked, "marked"),
        (counters.bleached, "bleached"),
        (counters.too_large, "above the MTU"),
        (counters.duplicated, "duplicated"),
        (counters.reordered, "reordered"),
        (counters.corrupted, "corrupted"),
        (counters.replayed, "replayed"),
        (counters.injected, "forged"),
        (counters.delivered, "delivered"),
        (counters.on_the_link(), "still on the link at the end"),
    ] {
        if number > 0 {
            text.push_str(&format!("{separator} {number} {what}"));
            separator = ",";
        }
    }
    if let Some(Summary { p50: Some(p50), p99: Some(p99), .. }) = queue.map(Histogram::summary) {
        let [p50, p99] = [p50, p99].map(|ns| format_duration(Duration::from_micros(ns / 1000)));
        text.push_str(&format!("; queueing delay {p50} at the median, {p99} at the 99th percentile"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_that_have_not_left_the_link_are_named() {
        let counters = Counters { packets: 6, bytes: 392, delivered: 3, ..Counters::default() };
        assert_eq!(
            words(&counters, None),
            "6 packets (392 bytes): 3 delivered, 3 still on the link at the end"
        );
        let counters = Counters { lost: 2, duplicated: 1, delivered: 5, ..counters };
        assert_eq!(words(&counters, None), "6 packets (392 bytes): 2 lost, 1 duplicated, 5 delivered");
    }
}
