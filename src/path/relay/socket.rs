//! UDP sockets of a relay, with many datagrams per system call in both directions.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use crate::path::direct::{bind_udp, connect_udp};

/// Buffers that one system call may fill, each with one datagram or several that the kernel coalesced (GRO).
const BATCH: usize = 16;
const BUFFER_BYTES: usize = 65_535;
/// The largest run of datagrams: what fits behind an IPv6 and a UDP header in 65,535 bytes.
const MOST_BYTES: usize = 65_535 - 48;
/// How long to wait for room in a socket's buffer before a datagram is dropped.
const PATIENCE: Duration = Duration::from_millis(2);

pub(super) struct RelaySocket {
    socket: Socket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl RelaySocket {
    /// A socket that receives from any source.
    pub(super) fn bind(local: SocketAddr) -> io::Result<Self> {
        Self::new(bind_udp(local)?)
    }

    /// A socket on a free port of `from`, or of the address that the kernel chooses, connected to `peer`.
    pub(super) fn connect(peer: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        let Some(from) = from else { return Self::new(connect_udp(peer)?) };
        let socket = bind_udp(SocketAddr::new(from, 0))?;
        socket.connect(&peer.into())?;
        Self::new(socket)
    }

    fn new(socket: Socket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?.as_socket();
        let local = local.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(Self { socket, state, local })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Receives what is there, as far as `into` has room.
    pub(super) fn receive(&self, into: &mut Arrivals) -> io::Result<()> {
        let mut chunks = into.buffers.chunks_mut(BUFFER_BYTES);
        let mut slices: [_; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        into.filled = 0;
        into.filled = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut into.meta)?;
        Ok(())
    }

    /// The number of datagrams of one size that one call may send (GSO).
    pub(super) fn most_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends `run` to `to`; returns how many of its datagrams could not be sent.
    pub(super) fn send(&self, run: &Run, to: SocketAddr, from: Option<IpAddr>) -> u64 {
        let contents = &run.bytes;
        if run.segments <= 1 {
            return self.send_once(run, contents, None, to, from).is_err().into();
        }
        if self.send_once(run, contents, Some(run.segment), to, from).is_ok() {
            return 0;
        }
        // The device may not support GSO, or an earlier datagram's error was reported.
        let singly = contents.chunks(run.segment);
        singly.map(|datagram| u64::from(self.send_once(run, datagram, None, to, from).is_err())).sum()
    }

    fn send_once(
        &self,
        run: &Run,
        contents: &[u8],
        segment_size: Option<usize>,
        destination: SocketAddr,
        src_ip: Option<IpAddr>,
    ) -> io::Result<()> {
        let transmit = Transmit { destination, ecn: run.ecn, contents, segment_size, src_ip };
        let send = || self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        match send() {
            // The error of an earlier datagram, which prevented this one from being sent.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => send(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.wait_for_room();
                send()
            }
            sent => sent,
        }
    }

    fn wait_for_room(&self) {
        let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
        // The next attempt to send shows the outcome.
        let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], Some(&patience));
    }
}

impl AsFd for RelaySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What one system call received.
pub(super) struct Arrivals {
    buffers: Box<[u8]>,
    meta: [RecvMeta; BATCH],
    filled: usize,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        let buffers = vec![0; BATCH * BUFFER_BYTES].into_boxed_slice();
        Self { buffers, meta: [RecvMeta::default(); BATCH], filled: 0 }
    }

    /// An empty placeholder, for the time in which the other is read.
    pub(super) fn none() -> Self {
        Self { buffers: Box::default(), meta: [RecvMeta::default(); BATCH], filled: 0 }
    }

    /// Runs of datagrams of one sender, each with the kernel's metadata.
    pub(super) fn runs(&self) -> impl Iterator<Item = (&RecvMeta, &[u8])> {
        let buffers = self.buffers.chunks(BUFFER_BYTES);
        self.meta[..self.filled].iter().zip(buffers).map(|(meta, buffer)| (meta, &buffer[..meta.len]))
    }
}

/// The datagrams of a run; a datagram may be empty.
pub(super) fn datagrams<'a>(meta: &RecvMeta, run: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let empty = run.is_empty().then_some(run);
    run.chunks(meta.stride.max(1)).chain(empty)
}

/// Datagrams of one size to one receiver, the last of which may be shorter: one system call sends them.
#[derive(Debug, Default)]
pub(super) struct Run {
    bytes: Vec<u8>,
    segment: usize,
    segments: usize,
    ecn: Option<EcnCodepoint>,
    /// A shorter datagram ends the run.
    complete: bool,
}

impl Run {
    pub(super) fn is_empty(&self) -> bool {
        self.segments == 0
    }

    /// Whether a datagram may be added, if one call sends at most `most`.
    pub(super) fn takes(&self, datagram: &[u8], ecn: Option<EcnCodepoint>, most: usize) -> bool {
        self.is_empty()
            || !self.complete
                && self.ecn == ecn
                && (1..=self.segment).contains(&datagram.len())
                && self.segments < most
                && self.bytes.len() + datagram.len() <= MOST_BYTES
    }

    pub(super) fn push(&mut self, datagram: &[u8], ecn: Option<EcnCodepoint>) {
        if self.is_empty() {
            (self.segment, self.ecn) = (datagram.len(), ecn);
        }
        self.complete = datagram.len() < self.segment || datagram.is_empty();
        self.bytes.extend_from_slice(datagram);
        self.segments += 1;
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.segment, self.segments, self.complete) = (0, 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_of_one_size_and_ends_with_a_short_datagram() {
        let mut run = Run::default();
        for (length, joins) in [(100, true), (100, true), (101, false), (0, false), (40, true), (40, false)] {
            let datagram = vec![0; length];
            assert_eq!(run.takes(&datagram, None, 64), joins, "{length}");
            if joins {
                run.push(&datagram, None);
            }
        }
        run.clear();
        run.push(&[], None);
        assert!(!run.takes(&[], None, 64) && !run.takes(&[0], None, 64));
        run.clear();
        run.push(&[0], None);
        assert!(run.takes(&[0], None, 2) && !run.takes(&[0], None, 1));
        assert!(!run.takes(&[0], Some(EcnCodepoint::Ect0), 2));
    }

    #[test]
    fn a_run_is_split_into_its_datagrams() {
        let lengths = |len, stride| {
            let meta = RecvMeta { len, stride, ..RecvMeta::default() };
            datagrams(&meta, &vec![0; len]).map(<[u8]>::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(250, 100), [100, 100, 50]);
        assert_eq!(lengths(100, 100), [100]);
        assert_eq!(lengths(0, 0), [0]);
    }

    #[test]
    fn a_run_arrives_as_its_datagrams_whether_or_not_it_travelled_as_one() {
        let to = RelaySocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let from = RelaySocket::connect(to.local_addr(), None).unwrap();
        let mut run = Run::default();
        for n in 0..20u8 {
            run.push(&[n; 300][..if n == 19 { 7 } else { 300 }], None);
        }
        assert_eq!(from.send(&run, to.local_addr(), None), 0);
        let (mut arrivals, mut received) = (Arrivals::new(), Vec::new());
        while received.len() < 20 {
            poll(&mut [PollFd::new(&to, PollFlags::IN)], None).unwrap();
            to.receive(&mut arrivals).unwrap();
            for (meta, run) in arrivals.runs() {
                received.extend(datagrams(meta, run).map(|datagram| (datagram[0], datagram.len())));
            }
        }
        let expected: Vec<_> = (0..20u8).map(|n| (n, if n == 19 { 7 } else { 300 })).collect();
        assert_eq!(received, expected);
    }
}
