//! Datagrams that a server drops without a word to its application, counted: what is no QUIC, what belongs to no
//! connection, and first flights that do not decode. The rules are those by which quinn drops them (RFC 9000 sections
//! 5.2, 14.1 and 17).

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use quinn::{
    AsyncUdpSocket, ConnectionIdGenerator, UdpPoller,
    crypto::{Keys, ServerConfig, Session, UnsupportedVersion},
    udp::{RecvMeta, Transmit},
};
use quinn_proto::{ConnectionId, HashedConnectionIdGenerator, transport_parameters::TransportParameters};

use crate::{path::Timers, unit::Time};

/// How many strays there were.
#[derive(Debug, Default)]
pub struct Strays {
    /// Dropped for what their header says.
    unfit: AtomicU64,
    /// First flights whose header was fit.
    flights: AtomicU64,
    /// Those of them that came to the application.
    surfaced: AtomicU64,
}

impl Strays {
    /// A first flight has come to the application.
    pub fn surfaced(&self) {
        self.surfaced.fetch_add(1, Ordering::Relaxed);
    }

    /// Datagrams that were dropped. To be asked when no flight is on its way to the application.
    pub fn count(&self) -> u64 {
        let [unfit, flights, surfaced] =
            [&self.unfit, &self.flights, &self.surfaced].map(|counter| counter.load(Ordering::Relaxed));
        unfit + flights.saturating_sub(surfaced)
    }
}

/// A socket that looks at what it receives.
pub(super) struct Screened {
    inner: Arc<dyn AsyncUdpSocket>,
    /// Knows the connection ids of ours.
    ids: HashedConnectionIdGenerator,
    strays: Arc<Strays>,
    timers: Arc<Timers>,
    answers: Mutex<Answers>,
}

/// quinn answers some of what is unfit: who speaks another version learns ours, and who speaks of a connection that is no
/// more learns that. So much of it is passed on to it in a tenth of a second; more is a flood, and an answer to each would
/// take longer than all else that is done for it (a server may limit them: RFC 9000 sections 6.1 and 10.3.3).
const ANSWERS: usize = 100;
const WINDOW: Duration = Duration::from_millis(100);

/// What may still be answered.
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

/// Bytes of a connection id of ours.
const ID_BYTES: usize = 8;
/// The least that a datagram with an Initial packet measures (RFC 9000 section 14.1).
const INITIAL_BYTES: usize = 1200;

impl Screened {
    pub(super) fn new(
        inner: Arc<dyn AsyncUdpSocket>,
        ids: HashedConnectionIdGenerator,
        strays: Arc<Strays>,
        timers: Arc<Timers>,
    ) -> Self {
        Self { inner, ids, strays, timers, answers: Mutex::default() }
    }

    fn may_be_answered(&self, count: usize) -> bool {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).take(count, self.timers.now())
    }

    /// Moves the fit ones of a run of datagrams to its front. Returns how many bytes they are.
    fn keep_fit(&self, run: &mut [u8], stride: usize) -> usize {
        let mut kept = 0;
        for start in (0..run.len()).step_by(stride.max(1)) {
            let end = run.len().min(start + stride.max(1));
            if self.is_fit(&run[start..end]) {
                run.copy_within(start..end, kept);
                kept += end - start;
            }
        }
        kept
    }

    fn is_ours(&self, id: Option<&[u8]>) -> bool {
        id.is_some_and(|id| id.len() == ID_BYTES && self.ids.validate(&ConnectionId::new(id)).is_ok())
    }

    /// Whether quinn may make something of this datagram.
    fn is_fit(&self, datagram: &[u8]) -> bool {
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

impl AsyncUdpSocket for Screened {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
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
            let unfit = datagrams.filter(|datagram| !self.is_fit(datagram)).count();
            if unfit == 0 {
                continue;
            }
            self.strays.unfit.fetch_add(unfit as u64, Ordering::Relaxed);
            if !self.may_be_answered(unfit) {
                // Of an empty buffer quinn makes nothing.
                meta.len = self.keep_fit(&mut buffer[..meta.len], meta.stride);
            }
        }
        Poll::Ready(Ok(received))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

impl fmt::Debug for Screened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screened").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// A configuration that counts the first flights that it is asked for keys for.
pub(super) struct Counted<C> {
    pub(super) inner: Arc<C>,
    pub(super) strays: Arc<Strays>,
}

impl<C: ServerConfig + 'static> ServerConfig for Counted<C> {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.strays.flights.fetch_add(1, Ordering::Relaxed);
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
    fn a_flood_is_answered_no_more_than_so_often_in_a_while() {
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        let mut answers = Answers::default();
        let mut answered = |now| (0..10 * ANSWERS).filter(|_| answers.take(1, now)).count();
        assert_eq!(answered(at(1)), ANSWERS);
        assert_eq!(answered(at(100)), 0);
        assert_eq!(answered(at(101)), ANSWERS);
        assert!(!answers.take(ANSWERS + 1, at(300)), "a run goes whole or not at all");
    }
}
