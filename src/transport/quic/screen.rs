//! Counts the datagrams that quinn discards silently: those that are not QUIC, those of no known connection, and
//! Initial packets that do not decode. The rules are quinn's (RFC 9000 sections 5.2, 14.1 and 17).

use std::{
    fmt,
    io::{self, IoSliceMut},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use quinn::{
    AsyncUdpSocket, ConnectionIdGenerator,
    crypto::{Keys, ServerConfig, Session, UnsupportedVersion},
    udp::RecvMeta,
};
use quinn_proto::{ConnectionId, HashedConnectionIdGenerator, transport_parameters::TransportParameters};

use crate::{
    path::{QuicLayer, Timers},
    unit::{Mutex, Time},
};

/// Counters of discarded datagrams.
#[derive(Debug, Default)]
pub struct Discarded {
    /// Discarded because of their header.
    invalid: AtomicU64,
    /// Initial packets with a valid header.
    initials: AtomicU64,
    /// Those of them that became incoming connections.
    accepted: AtomicU64,
}

impl Discarded {
    /// An incoming connection has reached the application.
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Datagrams that were discarded. Exact only while no incoming connection waits to be accepted.
    pub(crate) fn count(&self) -> u64 {
        let [invalid, initials, accepted] =
            [&self.invalid, &self.initials, &self.accepted].map(|counter| counter.load(Ordering::Relaxed));
        invalid + initials.saturating_sub(accepted)
    }
}

/// A socket that checks the headers of what it receives.
pub(super) struct Screened {
    inner: Arc<dyn AsyncUdpSocket>,
    /// Validates our own connection ids.
    ids: HashedConnectionIdGenerator,
    discarded: Arc<Discarded>,
    timers: Arc<Timers>,
    answers: Mutex<Answers>,
}

/// quinn answers some invalid datagrams, with Version Negotiation or a stateless reset. This many in each window are
/// passed on to it. More is a flood, and answering all of it would cost more than dropping it (a server may limit these
/// answers: RFC 9000 sections 6.1 and 10.3.3).
const ANSWERS: usize = 100;
const WINDOW: Duration = Duration::from_millis(100);

/// How many more datagrams may be answered in this window.
#[derive(Debug, Default)]
struct Answers {
    left: usize,
    window_ends: Time,
}

impl Answers {
    fn take(&mut self, count: usize, now: Time) -> bool {
        if now >= self.window_ends {
            *self = Self { left: ANSWERS, window_ends: now + WINDOW };
        }
        let granted = count <= self.left;
        if granted {
            self.left -= count;
        }
        granted
    }
}

/// Length of our connection ids.
const ID_BYTES: usize = 8;
/// The smallest datagram that may carry an Initial packet (RFC 9000 section 14.1).
const INITIAL_BYTES: usize = 1200;

impl Screened {
    pub(super) fn new(
        inner: Arc<dyn AsyncUdpSocket>,
        ids: HashedConnectionIdGenerator,
        discarded: Arc<Discarded>,
        timers: Arc<Timers>,
    ) -> Self {
        Self { inner, ids, discarded, timers, answers: Mutex::default() }
    }

    fn may_be_answered(&self, count: usize) -> bool {
        self.answers.lock().take(count, self.timers.now())
    }

    /// Moves the valid datagrams of a buffer to its front. Returns their length.
    fn keep_valid(&self, run: &mut [u8], stride: usize) -> usize {
        let mut kept = 0;
        for start in (0..run.len()).step_by(stride.max(1)) {
            let end = run.len().min(start + stride.max(1));
            if self.is_valid(&run[start..end]) {
                run.copy_within(start..end, kept);
                kept += end - start;
            }
        }
        kept
    }

    fn is_ours(&self, id: Option<&[u8]>) -> bool {
        id.is_some_and(|id| id.len() == ID_BYTES && self.ids.validate(&ConnectionId::new(id)).is_ok())
    }

    /// Whether quinn may accept this datagram.
    fn is_valid(&self, datagram: &[u8]) -> bool {
        let Some(&first) = datagram.first() else { return false };
        if first & 0x80 == 0 {
            return self.is_ours(datagram.get(1..=ID_BYTES));
        }
        let Some((version, rest)) =
            datagram[1..].split_first_chunk().map(|(v, r)| (u32::from_be_bytes(*v), r))
        else {
            return false;
        };
        let id = rest.split_first().and_then(|(&len, rest)| rest.get(..len.into()));
        // Version 1, and the drafts that quinn still speaks.
        if version != 1 && !(0xff00_001d..=0xff00_0022).contains(&version) {
            return false;
        }
        match first & 0x30 {
            0x00 => datagram.len() >= INITIAL_BYTES,
            // 0-RTT goes to the id that the client chose.
            0x10 => true,
            0x20 => self.is_ours(id),
            _ => false,
        }
    }
}

impl QuicLayer for Screened {
    fn socket(&self) -> &Arc<dyn AsyncUdpSocket> {
        &self.inner
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = ready!(self.inner.poll_recv(cx, buffers, meta))?;
        for (buffer, meta) in buffers.iter_mut().zip(meta).take(received) {
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
            let invalid = datagrams.filter(|datagram| !self.is_valid(datagram)).count();
            if invalid == 0 {
                continue;
            }
            self.discarded.invalid.fetch_add(invalid as u64, Ordering::Relaxed);
            if !self.may_be_answered(invalid) {
                // quinn ignores an empty buffer.
                meta.len = self.keep_valid(&mut buffer[..meta.len], meta.stride);
            }
        }
        Poll::Ready(Ok(received))
    }
}

impl fmt::Debug for Screened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screened").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// A configuration that counts the Initial packets that it derives keys for.
pub(super) struct Counted<C> {
    pub(super) inner: Arc<C>,
    pub(super) discarded: Arc<Discarded>,
}

impl<C: ServerConfig + 'static> ServerConfig for Counted<C> {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.discarded.initials.fetch_add(1, Ordering::Relaxed);
        self.inner.initial_keys(version, dst_cid)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.inner.retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        self.inner.clone().start_session(version, params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_a_flood_are_limited_per_window() {
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        let mut answers = Answers::default();
        let mut answered = |now| (0..10 * ANSWERS).filter(|_| answers.take(1, now)).count();
        assert_eq!(answered(at(1)), ANSWERS);
        assert_eq!(answered(at(100)), 0);
        assert_eq!(answered(at(101)), ANSWERS);
        assert!(!answers.take(ANSWERS + 1, at(300)), "a buffer is answered as a whole or not at all");
    }
}
