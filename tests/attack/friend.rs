//! A well-behaved client and its round-trip times.

use std::{
    cell::Cell,
    net::UdpSocket,
    time::{Duration, Instant},
};

use super::support::{Server, say};

/// A well-behaved client: one datagram at a time.
pub(crate) struct Friend {
    socket: UdpSocket,
    pub(crate) sent: Cell<u64>,
}

impl Friend {
    pub(crate) fn of(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.address("udp")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        Self { socket, sent: Cell::new(0) }
    }

    /// The 99th percentile of round trips, at most 1,000 a second, while `going_on` returns true for the number so far.
    /// A lost datagram counts as an infinite round trip.
    pub(crate) fn p99_while(&self, going_on: impl Fn(usize) -> bool) -> Duration {
        let mut took = vec![self.round_trip()];
        while going_on(took.len()) {
            took.push(self.round_trip());
        }
        took.sort_unstable();
        let n = took.len();
        let at = |share: usize| took[(n * share / 100).min(n - 1)];
        say(&format!("{n} round trips: p50 {:?}, p99 {:?}, max {:?}", at(50), at(99), at(100)));
        at(99)
    }

    fn round_trip(&self) -> Duration {
        let number = self.sent.get();
        self.sent.set(number + 1);
        let start = Instant::now();
        self.socket.send(&number.to_be_bytes()).unwrap();
        let mut reply = [0; 8];
        let took = loop {
            match self.socket.recv(&mut reply) {
                Ok(8) if u64::from_be_bytes(reply) == number => break start.elapsed(),
                // A late reply to an earlier datagram.
                Ok(_) => {}
                Err(_) => break Duration::MAX,
            }
        };
        std::thread::park_timeout(Duration::from_millis(1));
        took
    }
}
