//! One row per cell, for spreadsheets and data frames.

use serde::Serialize;
use serde_json::Value;

use super::model::{Budget, ByCause, Cell, HolDirection, Ratio, ResultFile, WireDirection};
use crate::{
    link::{PROPERTIES, Property},
    stats::Summary,
    unit::Direction,
};

/// The cells of a result as CSV (RFC 4180, line ends included): every column in every file, empty
/// where a cell has no value. Times are in nanoseconds, as in the result file.
pub fn to_csv(file: &ResultFile) -> String {
    let mut text = line(Row::of(None).fields.into_iter().map(|(name, _)| name));
    for cell in &file.cells {
        let fields = Row::of(Some(cell)).fields;
        text.push_str(&line(fields.into_iter().map(|(_, value)| value)));
    }
    text
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|field| quote(&field)).collect();
    fields.join(",") + "\r\n"
}

/// Quotes what would otherwise break the row.
fn quote(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A column's name and how its value is read.
type Figure<T, V> = (&'static str, fn(&T) -> V);

/// A row under construction. Without a cell it has all names and no values, which gives the header.
struct Row<'a> {
    cell: Option<&'a Cell>,
    fields: Vec<(String, String)>,
}

impl<'a> Row<'a> {
    fn of(cell: Option<&'a Cell>) -> Self {
        let fields = Vec::new();
        let mut row = Self { cell, fields };
        row.identity();
        row.link();
        row.workload();
        row.messages();
        row.latency();
        row.delayed();
        row.hol();
        row.wire();
        row.network();
        row.recovery();
        row.transfer();
        row.handshake();
        let flags = cell.map(|cell| {
            let names: Vec<&str> = cell.flags.iter().map(|flag| flag.name()).collect();
            names.join(" ")
        });
        row.put("flags", flags);
        row
    }

    fn put(&mut self, name: impl Into<String>, value: Option<impl ToString>) {
        let value = value.map_or_else(String::new, |value| value.to_string());
        self.fields.push((name.into(), value));
    }

    fn ratio(&mut self, name: impl Into<String>, ratio: Option<Ratio>) {
        self.put(name, ratio.map(Ratio::get));
    }

    /// A value of an enumeration, by its name in the result file.
    fn value(&mut self, name: impl Into<String>, value: Option<impl Serialize>) {
        let value = value.and_then(|value| serde_json::to_value(value).ok());
        self.put(name, value.as_ref().and_then(Value::as_str));
    }

    fn summary(&mut self, name: &str, unit: &str, summary: Option<&Summary>) {
        self.put(format!("{name}_n"), summary.map(|summary| summary.n));
        let figures: [Figure<Summary, Option<u64>>; 8] = [
            ("min", |s| s.min),
            ("mean", |s| s.mean),
            ("stddev", |s| s.stddev),
            ("p50", |s| s.p50),
            ("p90", |s| s.p90),
            ("p99", |s| s.p99),
            ("p999", |s| s.p999),
            ("max", |s| s.max),
        ];
        for (figure, value) in figures {
            self.put(format!("{name}_{figure}_{unit}"), summary.and_then(value));
        }
    }

    fn identity(&mut self) {
        self.put("transport", self.cell.map(|cell| &cell.transport));
        self.put("path", self.cell.map(|cell| &cell.path));
        self.put("server", self.cell.and_then(|cell| cell.server.as_ref()));
        let congestion = self.cell.and_then(|cell| cell.congestion.as_ref());
        self.put("congestion", congestion);
        self.put("seeds", self.cell.map(|cell| cell.seeds));
    }

    fn link(&mut self) {
        let link = self.cell.and_then(|cell| cell.link.as_ref());
        for (way, direction) in [("to_server", Direction::ToServer), ("to_client", Direction::ToClient)] {
            for column in PROPERTIES.iter().flat_map(Property::columns) {
                let value = link.map(|link| link[direction].get(column.name));
                self.put(format!("link_{way}_{}", column.name), value);
            }
        }
    }

    fn workload(&mut self) {
        let workload = self.cell.map(|cell| &cell.workload);
        self.put("flows", workload.map(|w| w.flows));
        self.put("interval_ns", workload.and_then(|w| w.interval_ns));
        self.put("length_bytes", workload.and_then(|w| w.length_bytes));
        let reply = workload.and_then(|w| w.reply_length_bytes);
        self.put("reply_length_bytes", reply);
        self.put("duration_ns", workload.and_then(|w| w.duration_ns));
        self.put("deadline_ns", workload.and_then(|w| w.deadline_ns));
    }

    fn messages(&mut self) {
        let messages = self.cell.and_then(|cell| cell.messages.as_ref());
        self.put("scheduled", messages.map(|m| m.scheduled));
        self.put("sent", messages.map(|m| m.sent));
        self.put("delivered", messages.map(|m| m.delivered));
        self.put("on_time", messages.and_then(|m| m.on_time));
        self.put("lost", messages.map(|m| m.lost));
        self.put("unfinished", messages.map(|m| m.unfinished));
        self.put("duplicated", messages.and_then(|m| m.duplicated));
        self.put("reordered", messages.and_then(|m| m.reordered));
        self.put("corrupted", messages.and_then(|m| m.corrupted));
        self.put("unknown", messages.map(|m| m.unknown));
        self.put("rejected", messages.and_then(|m| m.rejected));
        self.ratio("loss_ratio", self.cell.and_then(|cell| cell.loss_ratio));
        let on_time = self.cell.and_then(|cell| cell.on_time_ratio);
        self.ratio("on_time_ratio", on_time);
    }

    fn latency(&mut self) {
        let cell = self.cell;
        let connect = cell.and_then(|cell| cell.connect_ns.as_ref());
        self.summary("connect", "ns", connect);
        let latency = cell.and_then(|cell| cell.latency_ns.as_ref());
        self.summary("latency", "ns", latency.map(|latency| &latency.summary));
        for (figure, interval) in [
            ("mean", latency.and_then(|latency| latency.ci95.mean)),
            ("p50", latency.and_then(|latency| latency.ci95.p50)),
            ("p99", latency.and_then(|latency| latency.ci95.p99)),
        ] {
            let [low, high] = interval.map_or([None; 2], |ends| ends.map(Some));
            self.put(format!("latency_{figure}_ci95_low_ns"), low);
            self.put(format!("latency_{figure}_ci95_high_ns"), high);
        }
        let delay = cell.and_then(|cell| cell.send_delay_ns.as_ref());
        self.summary("send_delay", "ns", delay);
        let budget = cell.and_then(|cell| cell.budget_ns.as_ref());
        let parts: [Figure<Budget, Option<u64>>; 5] = [
            ("send_wait", |b| b.send_wait),
            ("path", |b| b.path),
            ("recovery", |b| b.recovery),
            ("order_wait", |b| b.order_wait),
            ("host", |b| b.host),
        ];
        for (part, value) in parts {
            self.put(format!("budget_{part}_ns"), budget.and_then(value));
        }
    }

    fn delayed(&mut self) {
        let delayed = self.cell.and_then(|cell| cell.delayed.as_ref());
        self.put("delayed", delayed.map(|delayed| delayed.n));
        self.ratio("delayed_ratio", delayed.and_then(|delayed| delayed.ratio));
        let extra = delayed.map(|delayed| &delayed.extra_ns);
        self.summary("delayed_extra", "ns", extra);
        let mean = delayed.and_then(|delayed| delayed.extra_mean_ns);
        self.put("extra_mean_ns", mean);
    }

    fn hol(&mut self) {
        let hol = self.cell.and_then(|cell| cell.hol.as_ref());
        self.put("blocked", hol.map(|hol| hol.blocked));
        self.ratio("blocked_ratio", hol.and_then(|hol| hol.blocked_ratio));
        let other = hol.and_then(|hol| hol.by_other_flow_ratio);
        self.ratio("blocked_by_other_flow_ratio", other);
        self.summary("order_wait", "ns", hol.map(|hol| &hol.wait_ns));
        self.put("order_wait_total_ns", hol.map(|hol| hol.total_wait_ns));
        let causes: [Figure<ByCause, u64>; 3] = [
            ("loss", |cause| cause.loss),
            ("reorder", |cause| cause.reorder),
            ("sender", |cause| cause.sender),
        ];
        for (cause, count) in causes {
            let count = hol.map(|hol| count(&hol.by_cause));
            self.put(format!("blocked_by_{cause}"), count);
        }
        let stall = hol.and_then(|hol| hol.longest_stall);
        self.put("longest_stall_ns", stall.map(|stall| stall.duration_ns));
        self.put("longest_stall_messages", stall.map(|stall| stall.messages));
        let to_server = hol.and_then(|hol| hol.to_server.as_ref());
        self.blocked_one_way("to_server", to_server);
        let to_client = hol.and_then(|hol| hol.to_client.as_ref());
        self.blocked_one_way("to_client", to_client);
        let theory = self.cell.and_then(|cell| cell.theory.as_ref());
        let delayed = theory.and_then(|theory| theory.delayed_ratio);
        self.ratio("theory_delayed_ratio", delayed);
        let blocked = theory.and_then(|theory| theory.blocked_ratio);
        self.ratio("theory_blocked_ratio", blocked);
        let extra = theory.and_then(|theory| theory.extra_mean_ns);
        self.put("theory_extra_mean_ns", extra);
    }

    fn blocked_one_way(&mut self, way: &str, hol: Option<&HolDirection>) {
        self.put(format!("{way}_blocked"), hol.map(|hol| hol.blocked));
        let mean = hol.and_then(|hol| hol.wait_ns.mean);
        self.put(format!("{way}_order_wait_mean_ns"), mean);
    }

    fn wire(&mut self) {
        let wire = self.cell.and_then(|cell| cell.wire.as_ref());
        let counts: [Figure<WireDirection, u64>; 7] = [
            ("packets", |way| way.packets),
            ("bytes", |way| way.bytes),
            ("lost", |way| way.lost),
            ("queue_dropped", |way| way.queue_dropped),
            ("duplicated", |way| way.duplicated),
            ("reordered", |way| way.reordered),
            ("corrupted", |way| way.corrupted),
        ];
        for (way, direction) in [
            ("to_server", wire.and_then(|wire| wire.to_server.as_ref())),
            ("to_client", wire.and_then(|wire| wire.to_client.as_ref())),
        ] {
            for (name, count) in counts {
                self.put(format!("wire_{way}_{name}"), direction.map(count));
            }
        }
        let overhead = wire.and_then(|wire| wire.overhead_ratio);
        self.ratio("overhead_ratio", overhead);
    }

    fn network(&mut self) {
        let network = self.cell.and_then(|cell| cell.network.as_ref());
        self.put("ipdv_mean_ns", network.and_then(|network| network.ipdv_ns.mean));
        let hold = network.and_then(|network| network.hold_ns);
        self.put("hold_mean_ns", hold.and_then(|hold| hold.mean));
        self.put("told", network.map(|network| network.told));
        self.put("refused", network.and_then(|network| network.refused));
        self.put("lost_unattributed", network.map(|network| network.unattributed));
        for (way, direction) in [
            ("to_server", network.and_then(|network| network.to_server.as_ref())),
            ("to_client", network.and_then(|network| network.to_client.as_ref())),
        ] {
            let name = |figure| format!("network_{way}_{figure}");
            self.put(name("lost"), direction.map(|way| way.lost));
            self.ratio(name("loss_ratio"), direction.and_then(|way| way.loss_ratio));
            self.put(name("reordered"), direction.map(|way| way.reordered));
            self.ratio(name("reordered_ratio"), direction.and_then(|way| way.reordered_ratio));
            self.put(name("ipdv_mean_ns"), direction.and_then(|way| way.ipdv_ns.mean));
            self.put(name("ipdv_p99_ns"), direction.and_then(|way| way.ipdv_ns.p99));
        }
    }

    fn recovery(&mut self) {
        let recovery = self.cell.and_then(|cell| cell.recovery.as_ref());
        let again = recovery.and_then(|recovery| recovery.retransmitted_packets);
        self.put("retransmitted_packets", again);
        let events = recovery.and_then(|recovery| recovery.congestion_events);
        self.put("congestion_events", events);
        let least = recovery.and_then(|recovery| recovery.min_window_bytes);
        self.put("min_window_bytes", least);
        let limited = recovery.and_then(|recovery| recovery.window_limited_ns);
        self.put("window_limited_ns", limited);
        self.put("timeouts", recovery.and_then(|recovery| recovery.timeouts));
    }

    fn transfer(&mut self) {
        let transfer = self.cell.and_then(|cell| cell.transfer.as_ref());
        let direction = transfer.and_then(|t| t.direction);
        self.value("transfer_direction", direction);
        self.put("transfer_bytes", transfer.map(|t| t.bytes));
        self.put("transfer_completed", transfer.map(|t| t.completed));
        self.put("transfer_failed", transfer.map(|t| t.failed));
        self.put("transfer_unknown", transfer.map(|t| t.unknown));
        self.summary("transfer_time", "ns", transfer.map(|t| &t.time_ns));
        self.summary("goodput", "bps", transfer.map(|t| &t.goodput_bps));
        self.put("arrived_bytes", transfer.and_then(|t| t.arrived_bytes));
        self.ratio("arrived_ratio", transfer.and_then(|t| t.arrived_ratio));
        let missing = transfer.and_then(|t| t.missing.as_ref());
        self.put("missing_bytes", missing.map(|missing| missing.bytes));
        self.put("missing_parts", missing.map(|missing| missing.parts));
        self.put("transfer_stopped", transfer.and_then(|t| t.stopped.as_ref()));
    }

    fn handshake(&mut self) {
        let handshake = self.cell.and_then(|cell| cell.handshake.as_ref());
        self.put("handshake_mode", handshake.map(|h| h.mode.name()));
        self.put("handshake_connections", handshake.and_then(|h| h.connections));
        self.put("handshake_failed", handshake.and_then(|h| h.failed));
        for (name, summary) in [
            ("connect", handshake.and_then(|h| h.connect_ns.as_ref())),
            ("first_reply", handshake.and_then(|h| h.first_reply_ns.as_ref())),
            ("second_reply", handshake.and_then(|h| h.second_reply_ns.as_ref())),
        ] {
            self.summary(&format!("handshake_{name}"), "ns", summary);
        }
        self.ratio("handshake_over_1s_ratio", handshake.and_then(|h| h.over_1s_ratio));
        self.ratio("handshake_round_trips", handshake.and_then(|h| h.round_trips));
        self.ratio("handshake_packets_to_server", handshake.and_then(|h| h.packets_to_server));
        self.ratio("handshake_packets_to_client", handshake.and_then(|h| h.packets_to_client));
        let to_server = handshake.and_then(|h| h.bytes_to_server);
        self.put("handshake_bytes_to_server", to_server);
        let to_client = handshake.and_then(|h| h.bytes_to_client);
        self.put("handshake_bytes_to_client", to_client);
        let rate = handshake.and_then(|h| h.connections_per_second);
        self.ratio("handshake_connections_per_second", rate);
    }
}
