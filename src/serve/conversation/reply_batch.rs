//! Sends several datagrams with one system call: a run of equal size to one client (UDP segmentation offload).

use std::net::{IpAddr, SocketAddr};

use crate::{
    path::{DatagramError, Datagrams},
    serve::{refusal::Refusal, worker::Worker},
};

/// Maximum datagrams of a run, which is the kernel's limit.
const MAX_DATAGRAMS: usize = 64;
/// Maximum bytes of a run, which is the maximum payload of a datagram (RFC 768).
const MAX_BYTES: usize = 65_507;

/// The addresses of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) to: SocketAddr,
    /// The local address to send from; `None` leaves it to the system.
    pub(crate) from: Option<IpAddr>,
}

/// Replies to one client that have not been sent yet.
#[derive(Debug)]
pub(crate) struct ReplyBatch {
    run: Vec<u8>,
    /// Bytes of each datagram but the last, which may be shorter.
    segment: usize,
    count: usize,
    route: Route,
}

impl ReplyBatch {
    pub(crate) fn new() -> Self {
        let to = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { run: Vec::new(), segment: 0, count: 0, route: Route { to, from: None } }
    }

    /// Adds a reply. If it does not fit into the run, the run is sent first.
    pub(crate) async fn add(&mut self, socket: &dyn Datagrams, worker: &Worker, route: Route, reply: &[u8]) {
        if !self.fits(reply.len(), route) {
            self.flush(socket, worker).await;
            (self.route, self.segment) = (route, reply.len());
        }
        self.run.extend_from_slice(reply);
        self.count += 1;
    }

    /// Only the last datagram of a run may be shorter than the others.
    fn fits(&self, length: usize, route: Route) -> bool {
        self.count > 0
            && self.count < MAX_DATAGRAMS
            && self.run.len() + length <= MAX_BYTES
            && self.route == route
            && length <= self.segment
            && length > 0
            && self.run.len() == self.count * self.segment
    }

    /// Sends the run, and counts the replies sent and failed.
    pub(crate) async fn flush(&mut self, socket: &dyn Datagrams, worker: &Worker) {
        let Route { to, from } = self.route;
        let mut rest = &self.run[..];
        while self.count > 0 {
            match socket.try_send_run(rest, self.segment, to, from) {
                Ok(bytes) => {
                    let sent = bytes.div_ceil(self.segment.max(1)).clamp(1, self.count);
                    worker.counters.sent(bytes);
                    worker.answered(sent as u64);
                    rest = &rest[bytes..];
                    self.count -= sent;
                }
                Err(DatagramError::WouldBlock) if socket.writable().await.is_ok() => {}
                Err(error) => {
                    worker.refuse(match error {
                        DatagramError::TooLarge { .. } => Refusal::TooLong,
                        _ => Refusal::SendFailed,
                    });
                    rest = &rest[self.segment.min(rest.len())..];
                    self.count -= 1;
                }
            }
        }
        self.run.clear();
    }
}
