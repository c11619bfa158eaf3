//! Both ends: who sends, with which counter, and what is accepted.

use std::{fmt::Debug, net::SocketAddr, sync::Arc, time::Duration};

use rand::Rng;

use super::{key::SharedKey, sender::Sender, window::ReplayWindow};
use crate::{
    path::{Host, Rejection},
    unit::{nanos, random},
};

/// One end of signed UDP.
pub(super) trait End: Debug + Send {
    /// The sender and the counter of the next datagram to `peer`. `None` if this end cannot send to `peer`.
    fn stamp(&mut self, peer: SocketAddr) -> Option<(Sender, u64)>;

    /// Whether a datagram with a right tag is accepted.
    fn accept(&mut self, from: SocketAddr, sender: Sender, counter: u64) -> Result<(), Rejection>;
}

/// A client, which sends to one server.
#[derive(Debug)]
pub(super) struct Client {
    number: Sender,
    counter: u64,
    replies: ReplayWindow,
}

impl Client {
    /// A client whose first counter is `now`, in nanoseconds since the Unix epoch: later clients have higher counters.
    pub(super) fn new(seed: Option<u64>, now: Duration) -> Self {
        /// Keeps the draw apart from all others.
        const STREAM: u64 = 0x484d_4143;
        let number = match seed {
            Some(seed) => random::generator(seed, STREAM).next_u64(),
            None => rand::random(),
        };
        Self { number: Sender::client(number), counter: nanos(now), replies: ReplayWindow::default() }
    }
}

impl End for Client {
    fn stamp(&mut self, _: SocketAddr) -> Option<(Sender, u64)> {
        self.counter += 1;
        Some((self.number, self.counter))
    }

    fn accept(&mut self, _: SocketAddr, sender: Sender, counter: u64) -> Result<(), Rejection> {
        if sender != self.number.replying() {
            return Err(Rejection::Stranger);
        }
        if self.replies.accept(counter) { Ok(()) } else { Err(Rejection::Replayed) }
    }
}

/// A server, which answers any client that knows the key.
#[derive(Debug)]
pub(super) struct Server {
    key: SharedKey,
    host: Arc<dyn Host>,
}

impl Server {
    pub(super) fn new(key: SharedKey, host: Arc<dyn Host>) -> Self {
        Self { key, host }
    }
}

impl End for Server {
    fn stamp(&mut self, peer: SocketAddr) -> Option<(Sender, u64)> {
        self.key.senders().stamp(peer)
    }

    fn accept(&mut self, from: SocketAddr, sender: Sender, counter: u64) -> Result<(), Rejection> {
        self.key.senders().accept(from, sender, counter, || self.host.unix_time())
    }
}
