//! Replies that go out together: a run of datagrams of one size to one client is one system call where the kernel cuts it.

use std::net::{IpAddr, SocketAddr};

use super::{Refusal, desk::Desk};
use crate::path::{DatagramError, Datagrams};

/// Datagrams of a run, at most: what the kernel cuts at once.
const LONGEST: usize = 64;
/// Bytes of a run, at most: those of one datagram (RFC 768).
const MOST_BYTES: usize = 65_507;

/// Replies to one client that have not been sent.
#[derive(Debug)]
pub(super) struct Replies {
    run: Vec<u8>,
    /// Bytes of each but the last, which may be shorter.
    segment: usize,
    count: usize,
    to: SocketAddr,
    from: Option<IpAddr>,
}

impl Replies {
    pub(super) fn new() -> Self {
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { run: Vec::new(), segment: 0, count: 0, to: nobody, from: None }
    }

    /// Adds what `write` appends, a datagram from `from` to `to`. What does not go with it is sent before.
    pub(super) async fn add(
        &mut self,
        (socket, desk): (&dyn Datagrams, &Desk),
        (to, from): (SocketAddr, Option<IpAddr>),
        reply: &[u8],
    ) {
        if !self.fits(reply.len(), to, from) {
            self.flush(socket, desk).await;
            (self.to, self.from, self.segment) = (to, from, reply.len());
        }
        self.run.extend_from_slice(reply);
        self.count += 1;
    }

    /// Only full datagrams may stand before the last.
    fn fits(&self, length: usize, to: SocketAddr, from: Option<IpAddr>) -> bool {
        self.count > 0
            && self.count < LONGEST
            && self.run.len() + length <= MOST_BYTES
            && (self.to, self.from) == (to, from)
            && length <= self.segment
            && length > 0
            && self.run.len() == self.count * self.segment
    }

    /// Sends all that is there, and counts what was sent and what could not be.
    pub(super) async fn flush(&mut self, socket: &dyn Datagrams, desk: &Desk) {
        let mut rest = &self.run[..];
        while self.count > 0 {
            match socket.try_send_run(rest, self.segment, self.to, self.from) {
                Ok(bytes) => {
                    let sent = bytes.div_ceil(self.segment.max(1)).clamp(1, self.count);
                    desk.counters.sent(bytes);
                    desk.answered(sent as u64);
                    rest = &rest[bytes..];
                    self.count -= sent;
                }
                Err(DatagramError::WouldBlock) if socket.writable().await.is_ok() => {}
                Err(error) => {
                    desk.counters.refuse(match error {
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
