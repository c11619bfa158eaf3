//! An experiment's messages as datagrams: each may be lost.

use std::{
    collections::VecDeque,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{Channel, Delivery, delivery::Entered};
use crate::{
    path::{BoxFuture, DatagramError, Datagrams, Host},
    tap::{Landed, Tap},
    transport::{ChannelError, DatagramSession, Recovery},
    unit::Room,
    wire::{Probe, ProbeError},
};

/// One end of a datagram socket. The server's end answers the sender of the last datagram: an experiment has one
/// client.
pub(super) struct DatagramChannel {
    host: Arc<dyn Host>,
    socket: Arc<dyn Datagrams>,
    peer: Option<SocketAddr>,
    /// When datagrams entered the link, if the socket does not report it.
    tap: Option<Tap>,
    /// The message that was sent last. The next one of its length differs in the header only.
    outgoing: Vec<u8>,
    /// Bytes of its header.
    header: usize,
    /// Datagrams that the socket had no room for. They wait, so that a full socket causes delay and not loss.
    backlog: VecDeque<Vec<u8>>,
    writable: Option<BoxFuture<'static, Result<(), DatagramError>>>,
    corrupted: u64,
    foreign: u64,
}

impl DatagramChannel {
    pub(super) fn new(host: Arc<dyn Host>, session: DatagramSession, tap: Option<Tap>) -> Self {
        let DatagramSession { socket, peer } = session;
        Self {
            host,
            socket,
            peer,
            tap,
            outgoing: Vec::new(),
            header: 0,
            backlog: VecDeque::new(),
            writable: None,
            corrupted: 0,
            foreign: 0,
        }
    }

    /// Writes a message to [`Self::outgoing`].
    fn fill(&mut self, probe: &Probe, length: usize) {
        let header = probe.header(length);
        if (self.header, self.outgoing.len()) == (header.len(), length) {
            self.outgoing[..header.len()].copy_from_slice(&header);
            return;
        }
        self.header = header.len();
        self.outgoing = probe.message(length);
    }

    /// Sends the backlog until the socket is full.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), ChannelError> {
        let Some(peer) = self.peer else { return Ok(()) };
        while let Some(message) = self.backlog.front() {
            match self.socket.try_send(message, peer, None) {
                Err(DatagramError::WouldBlock) => {
                    let socket = self.socket.clone();
                    let writable =
                        self.writable.get_or_insert_with(|| Box::pin(async move { socket.writable().await }));
                    match Pin::new(writable).poll(cx) {
                        Poll::Pending => return Ok(()),
                        Poll::Ready(done) => {
                            self.writable = None;
                            done?;
                        }
                    }
                }
                done => {
                    done?;
                    self.backlog.pop_front();
                }
            }
        }
        Ok(())
    }
}

impl Channel for DatagramChannel {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        let Some(peer) = self.peer else {
            return Err(ChannelError::Datagram("no peer yet: nothing was received".to_owned()));
        };
        self.fill(&probe, length);
        if !self.backlog.is_empty() {
            self.backlog.push_back(self.outgoing.clone());
            return Ok(());
        }
        match self.socket.try_send(&self.outgoing, peer, None) {
            Err(DatagramError::WouldBlock) => {
                self.backlog.push_back(self.outgoing.clone());
                Ok(())
            }
            sent => Ok(sent?),
        }
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        self.flush(cx)?;
        let mut room = Room::of(usize::from(u16::MAX));
        loop {
            let received = match self.socket.poll_recv(cx, &mut room) {
                Poll::Ready(received) => received?,
                Poll::Pending => return Poll::Pending,
            };
            match Probe::parse_whole(&room[..received.len]) {
                Ok(probe) => {
                    self.peer = Some(received.from);
                    let (arrived, entered) = match received.transit {
                        Some(transit) => {
                            (transit.arrived, Some(Entered::once(transit.entered, transit.queued)))
                        }
                        None => {
                            let landed = self.tap.as_ref().and_then(|tap| tap.datagram(probe.id));
                            let entered = |landed: Landed| Entered::once(landed.stamp.at, landed.queued);
                            (self.host.now(), landed.map(entered))
                        }
                    };
                    return Poll::Ready(Ok(Delivery::at_once(probe, arrived, entered)));
                }
                Err(ProbeError::Corrupted) => self.corrupted += 1,
                Err(ProbeError::Foreign) => self.foreign += 1,
            }
        }
    }

    fn recovery(&self) -> Recovery {
        Recovery {
            corrupted: self.corrupted,
            foreign: self.foreign,
            rejected: self.socket.rejected(),
            ce_received: self.socket.ce_received(),
            ..Recovery::default()
        }
    }
}
