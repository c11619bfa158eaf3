//! Cost of a segment in the state machine alone: send, receive, acknowledge, and process the acknowledgement.
//!
//! The wire is two queues in memory that hold a whole window, so the cost per segment shows whether any work grows with
//! the window.

use std::{collections::VecDeque, hint::black_box, net::SocketAddr, time::Duration};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wirelab::{
    arq::{Config, Congestion, Connection, ConnectionId, Listener, Mode, Routed, SegmentKind, Timer},
    unit::Time,
};

/// A message, which is one segment of this payload.
const PAYLOAD: &[u8] = &[0; 100];
const SEGMENT: u64 = 140;
/// A segment each microsecond.
const GAP: Duration = Duration::from_micros(1);

struct Wire {
    now: Time,
    client: Connection,
    server: Connection,
    /// Datagrams to the server, a window of them.
    under_way: VecDeque<Vec<u8>>,
    window: usize,
    sent: u64,
    /// One of so many segments is lost; 0: none.
    lose_one_of: u64,
}

impl Wire {
    fn new(mode: Mode, window: usize, lose_one_of: u64) -> Self {
        let config = Config {
            mode,
            congestion: Congestion::Fixed(window as u64 * SEGMENT),
            receive_window: 1 << 20,
            timer: Timer::Adaptive { min: Duration::from_secs(60), max: Duration::from_secs(60) },
            ..Config::default()
        };
        let (client, server) = connect(&config);
        let under_way = VecDeque::new();
        Self { now: Time::ZERO, client, server, under_way, window, sent: 0, lose_one_of }
    }

    /// One segment arrives and is acknowledged, and the wire is filled again, to a tenth less than the window, so that
    /// losses do not stop the sender.
    fn segment(&mut self) {
        self.now += GAP;
        while self.under_way.len() < self.window - self.window / 10 && self.send() {}
        if let Some(datagram) = self.under_way.pop_front() {
            self.server.handle_segment(self.now, &datagram);
        }
        while let Some(message) = self.server.recv(self.now) {
            black_box(message);
        }
        while let Some(transmit) = self.server.poll_transmit(self.now) {
            self.client.handle_segment(self.now, &transmit.datagram);
        }
    }

    /// Sends a lost segment again, or a new message. Returns false if there is no room.
    fn send(&mut self) -> bool {
        let transmit = self.client.poll_transmit(self.now).or_else(|| {
            self.client.send(Bytes::from_static(PAYLOAD)).ok()?;
            self.client.poll_transmit(self.now)
        });
        let Some(transmit) = transmit else { return false };
        self.sent += 1;
        let first = matches!(transmit.kind, SegmentKind::Content { copies_before: 0, .. });
        if !first || self.lose_one_of == 0 || !self.sent.is_multiple_of(self.lose_one_of) {
            self.under_way.push_back(transmit.datagram);
        }
        true
    }
}

fn connect(config: &Config) -> (Connection, Connection) {
    let from = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut client = Connection::client(config.clone(), ConnectionId(1), Time::ZERO);
    let mut listener = Listener::new(config.clone(), [1; 32], 1);
    loop {
        let hello = client.poll_transmit(Time::ZERO).expect("a hello").datagram;
        match listener.handle_datagram(Time::ZERO, from, &hello) {
            Routed::Reply(challenge) => _ = client.handle_segment(Time::ZERO, &challenge),
            Routed::Accepted(server) => return (client, *server),
            other => panic!("{other:?}"),
        }
    }
}

fn windows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arq");
    group.throughput(Throughput::Elements(1));
    for (name, lose_one_of) in [("no loss", 0), ("1% loss", 100)] {
        for window in [100, 1_000, 10_000, 100_000] {
            let mut wire = Wire::new(Mode::Selective, window, lose_one_of);
            (0..2 * window).for_each(|_| wire.segment());
            group.bench_function(format!("{name}, window {window}"), |bencher| {
                bencher.iter(|| wire.segment());
            });
            assert_eq!(wire.client.stats().timeouts, 0, "the wire is never silent");
        }
    }
    group.finish();
}

fn variants(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arq variant");
    group.throughput(Throughput::Elements(1));
    for mode in Mode::ALL {
        let mut wire = Wire::new(mode, 100, 0);
        group.bench_function(mode.name(), |bencher| bencher.iter(|| wire.segment()));
    }
    group.finish();
}

criterion_group!(benches, windows, variants);
criterion_main!(benches);
