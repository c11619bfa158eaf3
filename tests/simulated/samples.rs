//! Every message as a row of CSV.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use wirelab::{
    experiment::{
        JobIndex, MatrixOptions, Observers, Outcome, PathKind, Plan, RunError, Runs, SAMPLE_COLUMNS,
        SampleFile, SampleRows, Workload, run, run_matrix,
    },
    link::{LinkSpec, Loss},
    path::StopSignal,
    stats::Histogram,
    transport::{Congestion, LossDetection, Transport},
    unit::{Direction, Mutex, PerDirection, Time, nanos},
};

use crate::support::workload;

const SEEDS: u64 = 3;

fn plan(transport: Transport) -> Plan {
    let ms = Duration::from_millis;
    let loss = Loss::Independent("5%".parse().unwrap());
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(LinkSpec { delay: ms(20), loss, ..LinkSpec::default() }),
        workload: Workload {
            flows: 4,
            length: 500,
            reply_length: 500,
            warmup: ms(100),
            deadline: ms(80),
            ..workload(ms(2000))
        },
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
    }
}

/// The file of a matrix, and its outcomes.
fn written(plans: &[Plan], threads: usize) -> (String, Vec<Runs<Outcome>>) {
    let written = Written::default();
    let file = SampleFile::new(Box::new(written.clone()), SAMPLE_COLUMNS);
    let stop = StopSignal::default();
    let options = MatrixOptions { first_seed: 1, seeds: SEEDS, threads, stop: &stop };
    let run = |job: usize, plan: &Plan, seed: u64| -> Result<Outcome, RunError> {
        let reservation = file.reserve(JobIndex { job, plan: job / SEEDS as usize });
        let rows = SampleRows::new(plan, seed);
        let observers = Observers { samples: Some(rows.sink()), ..Observers::default() };
        let outcome = run(plan, seed, observers, &StopSignal::default())?;
        reservation.write(rows.text());
        Ok(outcome)
    };
    let runs = run_matrix(plans, options, run);
    file.finish().unwrap();
    let text = String::from_utf8(written.0.lock().clone()).unwrap();
    (text, runs)
}

/// A file in memory.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A row by its columns' names.
fn rows(file: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = file.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let values: Vec<&str> = line.split(',').collect();
            assert_eq!(values.len(), names.len(), "{line}");
            names.iter().copied().zip(values).collect()
        })
        .collect()
}

#[test]
fn the_bytes_do_not_depend_on_threads_and_rows_stand_in_order() {
    let plans = [Transport::UDP, Transport::QUIC_ONE, Transport::QUIC_MESSAGE].map(plan);
    let (one, _) = written(&plans, 1);
    assert!(one == written(&plans, 2).0, "two threads write the same");
    let order = |row: &BTreeMap<&str, &str>| {
        ["cell", "seed", "seq"].map(|column| row[column].parse::<u64>().unwrap())
    };
    let all: Vec<_> = rows(&one).iter().map(order).collect();
    assert!(all.is_sorted());
    assert_eq!(all.len() as u64, 3 * SEEDS * 200, "each message once");
}

#[test]
fn the_rows_add_up_to_the_figures() {
    let plans = [Transport::UDP, Transport::QUIC_ONE, Transport::QUIC_FLOW].map(plan);
    let (file, runs) = written(&plans, 2);
    let rows = rows(&file);
    for (cell, runs) in runs.iter().enumerate() {
        let sum = |of: fn(&Outcome) -> u64| runs.outcomes.iter().map(|(_, outcome)| of(outcome)).sum::<u64>();
        let cell = cell.to_string();
        let rows: Vec<_> = rows.iter().filter(|row| row["cell"] == cell).collect();
        let with = |status| rows.iter().filter(|row| row["status"] == status).count() as u64;
        assert_eq!(with("delivered"), sum(|outcome| outcome.messages.delivered));
        assert_eq!(with("lost"), sum(|outcome| outcome.messages.lost));
        assert_eq!(with("unfinished"), sum(|outcome| outcome.messages.unfinished));
        for (end, way, direction) in
            [("server", "to_server", Direction::ToServer), ("client", "to_client", Direction::ToClient)]
        {
            let at =
                |row: &BTreeMap<&str, &str>, what| row[&*format!("{end}_{what}_ns")].parse::<u64>().unwrap();
            let blocked = |row: &&&BTreeMap<&str, &str>| !row[&*format!("{way}_blocked_by_seq")].is_empty();
            let waits: Histogram = rows
                .iter()
                .filter(|row| row["status"] == "delivered")
                .filter(blocked)
                .map(|row| at(row, "released") - at(row, "arrived"))
                .collect();
            let mut recorded = Histogram::new();
            runs.outcomes.iter().for_each(|(_, o)| recorded.merge(&o.order_by_direction[direction].wait));
            assert_eq!(waits.summary(), recorded.summary());
        }
        let mut latency = Histogram::new();
        runs.outcomes.iter().for_each(|(_, outcome)| latency.merge(&outcome.latency));
        let number = |text: &str| Time::from_nanos(text.parse().unwrap());
        let delivered = rows.iter().filter(|row| row["status"] == "delivered");
        let total = delivered.map(|row| nanos(number(row["client_released_ns"]) - number(row["due_ns"])));
        assert_eq!(total.collect::<Histogram>().summary(), latency.summary());
    }
}

#[test]
fn a_run_that_fails_writes_nothing_and_holds_nobody_up() {
    let written = Written::default();
    let file = SampleFile::new(Box::new(written.clone()), SAMPLE_COLUMNS);
    for (job, plan) in [(0, 0), (1, 1), (2, 1), (3, 2)] {
        let reservation = file.reserve(JobIndex { job, plan });
        if job > 0 {
            reservation.write("1,udp\n".to_owned());
        }
    }
    file.finish().unwrap();
    let text = String::from_utf8(written.0.lock().clone()).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows, ["0,1,udp", "0,1,udp", "1,1,udp"], "cells are counted as in the result");
}

#[test]
fn a_full_disk_is_told_at_the_end() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let kind =
        SampleFile::new(Box::new(Full), SAMPLE_COLUMNS).finish().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(kind, Err(io::ErrorKind::StorageFull));
}
