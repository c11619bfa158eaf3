//! A handmade result: five transports on one link, with plausible figures.

use wirelab::{
    link::{LinkSettings, LinkSpec},
    report::*,
    stats::{Difference, Summary},
};

const MS: u64 = 1_000_000;
const MESSAGES: u64 = 180_000;

/// What differs between rows.
struct Row {
    transport: &'static str,
    congestion: Option<&'static str>,
    delivered: u64,
    on_time: u64,
    delayed: u64,
    blocked: u64,
    /// p50, p90, p99 and max, in microseconds.
    latency_us: [u64; 4],
    connect_ms: u64,
    packets: u64,
}

const ROWS: [Row; 5] = [
    Row {
        transport: "udp",
        congestion: None,
        delivered: 176_418,
        on_time: 176_418,
        delayed: 0,
        blocked: 0,
        latency_us: [50_000; 4],
        connect_ms: 0,
        packets: 2 * MESSAGES - 1_800,
    },
    Row {
        transport: "quic-datagram",
        congestion: Some("fixed"),
        delivered: 176_430,
        on_time: 176_430,
        delayed: 0,
        blocked: 0,
        latency_us: [50_000; 4],
        connect_ms: 100,
        packets: 410_400,
    },
    Row {
        transport: "quic-message",
        congestion: Some("fixed"),
        delivered: MESSAGES,
        on_time: 176_410,
        delayed: 3_590,
        blocked: 0,
        latency_us: [50_000, 50_000, 112_480, 240_100],
        connect_ms: 100,
        packets: 414_000,
    },
    Row {
        transport: "quic-flow",
        congestion: Some("fixed"),
        delivered: MESSAGES,
        on_time: 176_390,
        delayed: 3_610,
        blocked: 21,
        latency_us: [50_000, 50_000, 112_480, 240_100],
        connect_ms: 100,
        packets: 414_020,
    },
    Row {
        transport: "quic-one",
        congestion: Some("fixed"),
        delivered: MESSAGES,
        on_time: 175_120,
        delayed: 21_960,
        blocked: 18_630,
        latency_us: [50_000, 62_500, 112_480, 251_300],
        connect_ms: 100,
        packets: 413_890,
    },
];

/// A direction with these properties. Later properties replace earlier ones.
pub(super) fn direction(properties: &[&str]) -> LinkSettings {
    let mut spec = LinkSpec::default();
    for pairs in properties {
        spec.apply_pairs(pairs).expect("a valid link");
    }
    LinkSettings::of(&spec)
}

pub(super) fn link() -> Link {
    Link::both(direction(&["delay=25ms,loss=1%"]))
}

pub(super) fn workload() -> Workload {
    Workload {
        application: Some("messages".to_owned()),
        playout_ns: None,
        drop_late: None,
        flows: 8,
        interval_ns: Some(10 * MS),
        length_bytes: Some(1000),
        reply_length_bytes: Some(1000),
        arrivals: Some(Arrivals::Isochronous),
        duration_ns: Some(60_000 * MS),
        warmup_ns: Some(1_000 * MS),
        wait_round_trips: Some(3),
        wait_max_ns: Some(4_000 * MS),
        deadline_ns: Some(100 * MS),
    }
}

fn summary(n: u64, [p50, p90, p99, max]: [u64; 4]) -> Summary {
    if n == 0 {
        return Summary::default();
    }
    Summary {
        n,
        min: Some(p50),
        mean: Some(p50 + (p99 - p50) / 50),
        stddev: Some((max - p50) / 20),
        p50: Some(p50),
        p90: Some(p90),
        p99: Some(p99),
        p999: Some(p99.midpoint(max)),
        max: Some(max),
    }
}

fn latency(row: &Row) -> Latency {
    let summary = summary(row.delivered, row.latency_us.map(|us| us * 1000));
    let around = |value: Option<u64>| value.map(|value| [value - value / 100, value + value / 100]);
    Latency {
        summary,
        ci95: Intervals { mean: around(summary.mean), p50: around(summary.p50), p99: around(summary.p99) },
    }
}

fn hol(row: &Row) -> Hol {
    let wait_ns = summary(row.blocked, [30 * MS, 55 * MS, 60 * MS, 190 * MS]);
    let one_way = HolDirection {
        blocked: row.blocked / 2,
        blocked_ratio: Ratio::of(row.blocked / 2, row.delivered),
        by_other_flow_ratio: Ratio::of(row.blocked / 2, row.blocked / 2),
        wait_ns,
        total_wait_ns: row.blocked / 2 * 30 * MS,
        by_cause: ByCause { loss: row.blocked / 2, ..ByCause::default() },
        longest_stall: None,
    };
    Hol {
        blocked: row.blocked,
        blocked_ratio: Ratio::of(row.blocked, row.delivered),
        by_other_flow_ratio: Ratio::of(row.blocked * 9 / 10, row.blocked),
        wait_ns,
        total_wait_ns: row.blocked * 30 * MS,
        by_cause: ByCause { loss: row.blocked, ..ByCause::default() },
        longest_stall: (row.blocked > 0).then_some(Stall { duration_ns: 190 * MS, messages: 19 }),
        to_server: Some(one_way.clone()),
        to_client: Some(one_way),
    }
}

fn wire(row: &Row) -> Wire {
    let direction = WireDirection {
        packets: row.packets / 2,
        bytes: row.packets / 2 * 1_040,
        lost: row.packets / 200,
        ..WireDirection::default()
    };
    Wire {
        to_server: Some(direction),
        to_client: Some(direction),
        overhead_ratio: Ratio::of(row.packets * 40, MESSAGES * 2_000),
    }
}

fn cell(row: &Row) -> Cell {
    let lost = MESSAGES - row.delivered;
    let connect = row.connect_ms * MS;
    Cell {
        congestion: row.congestion.map(str::to_owned),
        seeds: 30,
        messages: Some(Messages {
            scheduled: MESSAGES,
            sent: MESSAGES,
            delivered: row.delivered,
            on_time: Some(row.on_time),
            lost,
            unfinished: 0,
            unknown: 0,
            duplicated: Some(0),
            reordered: Some(0),
            corrupted: Some(0),
            rejected: Some(0),
        }),
        loss_ratio: Ratio::of(lost, MESSAGES),
        on_time_ratio: Ratio::of(row.on_time, MESSAGES),
        connect_ns: (connect > 0).then(|| summary(30, [connect, connect, 3 * connect, 3 * connect])),
        latency_ns: Some(latency(row)),
        send_delay_ns: Some(summary(MESSAGES, [0; 4])),
        budget_ns: Some(Budget {
            send_wait: Some(0),
            path: Some(50 * MS),
            queue: Some(0),
            recovery: Some(row.delayed * 60 * MS / MESSAGES),
            order_wait: Some(row.blocked * 30 * MS / MESSAGES),
            host: Some(0),
        }),
        delayed: Some(Delayed {
            n: row.delayed,
            ratio: Ratio::of(row.delayed, row.delivered),
            extra_ns: summary(row.delayed, [40 * MS, 60 * MS, 65 * MS, 200 * MS]),
            extra_mean_ns: Some(row.delayed * 40 * MS / MESSAGES),
        }),
        hol: Some(hol(row)),
        theory: None,
        theory_reason: Some("replies are lost as well".to_owned()),
        wire: Some(wire(row)),
        recovery: row.congestion.map(|_| Recovery {
            retransmitted_packets: Some(3_600),
            congestion_events: Some(0),
            min_window_bytes: Some(1_000_000),
            window_limited_ns: Some(0),
            timeouts: None,
            ..Recovery::default()
        }),
        per_seed: vec![PerSeed {
            seed: 1,
            p50_ns: Some(50 * MS),
            p99_ns: None,
            loss_ratio: Ratio::of(lost, MESSAGES),
            delayed_ratio: None,
            blocked_ratio: Ratio::of(row.blocked, row.delivered),
        }],
        ..Cell::new(row.transport, "sim", Some(link()), workload())
    }
}

/// Five transports, and one that the path cannot carry.
pub(super) fn five_transports() -> ResultFile {
    let difference = Difference { difference: 0.1035, ci95: Some([0.1, 0.107]) };
    let mut file = ResultFile::new("bench");
    file.version = "0.1.0".to_owned();
    file.config.insert("seeds".to_owned(), 30.into());
    file.cells = ROWS.iter().map(cell).collect();
    file.paired.extend(Paired::new(4, 2, Metric::BlockedRatio, difference));
    file.paired.extend(Paired::new(4, 2, Metric::P99Ns, Difference { difference: -120_000.4, ci95: None }));
    file.skipped.push(Skipped {
        transport: "tcp".to_owned(),
        path: "sim".to_owned(),
        reason: "the kernel's TCP does not run in virtual time; use --path netns".to_owned(),
    });
    file
}

/// One row, in which nothing was delivered.
pub(super) fn nothing_delivered() -> ResultFile {
    let mut file = five_transports();
    file.cells.truncate(1);
    file.paired.clear();
    file.skipped.clear();
    let dead = Row {
        transport: "udp",
        congestion: None,
        delivered: 0,
        on_time: 0,
        delayed: 0,
        blocked: 0,
        latency_us: [0; 4],
        connect_ms: 0,
        packets: MESSAGES,
    };
    file.cells[0] = cell(&dead);
    file.cells[0].flags.push(Flag::NoReply);
    file
}

/// An interrupted run, limited by the congestion controller.
pub(super) fn interrupted() -> ResultFile {
    let mut file = five_transports();
    file.complete = false;
    file.cells.drain(..2);
    file.paired.clear();
    file.skipped.clear();
    for cell in &mut file.cells {
        cell.seeds = 4;
        cell.congestion = Some("cubic".to_owned());
        cell.flags = vec![Flag::WindowLimited, Flag::Incomplete];
    }
    file.cells[2].flags.push(Flag::Congested);
    file
}
