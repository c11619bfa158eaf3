//! The service on a datagram transport: one reply for each datagram.

use std::{
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use super::{
    arq,
    conversation::{MeasuredRequest, Reception, ReplyBatch, Route, RunTracker},
    error::ServeError,
    guard::{FloodGuard, UrlGate},
    quic,
    refusal::Refusal,
    worker::Worker,
};
use crate::{
    path::{Datagrams, Received, Rejected},
    transport::{self, ClientLimits, DatagramSession, ListenSettings, Listening, Session, tls::ServerTls},
    unit::Recent,
};

/// Datagrams that are answered before the other tasks of this thread run.
const TURN_DATAGRAMS: u64 = 64;

pub(super) fn listen(worker: Worker, local: SocketAddr) -> Result<SocketAddr, ServeError> {
    let (quic, arq) = (quic::settings(&worker), arq::settings(&worker));
    let tls = worker.options.identity.clone().map(|identity| ServerTls {
        identity,
        early_data: false,
        key_log: None,
    });
    let gate = UrlGate { admission: worker.admission.clone(), counters: worker.counters.clone() };
    let clients =
        ClientLimits { gate: Arc::new(gate), handshake: worker.handshake_limit(), idle: worker.options.idle };
    let settings = ListenSettings {
        quic: &quic,
        arq: &arq,
        tls: tls.as_ref(),
        shared_key: worker.options.shared_key.as_ref(),
        tcp_tracer: None,
        clients: Some(clients),
        tap: None,
    };
    let listening = transport::listen(&worker.host, (worker.scheme.default)(), local, settings)?;
    let local = listening.local_addr();
    Ok(worker.start("a datagram server", local, |worker| serve(worker, listening)))
}

async fn serve(worker: Worker, mut listening: Box<dyn Listening>) {
    let local = listening.local_addr();
    // All clients of a datagram transport are one session.
    if let Ok(Session::Datagrams(DatagramSession { socket, .. })) = listening.accept().await {
        let server = DatagramServer {
            local,
            flood_guard: FloodGuard::new(socket.clone()),
            socket,
            worker,
            clients: Recent::default(),
            last_peer: None,
        };
        server.run().await;
    }
}

struct DatagramServer {
    worker: Worker,
    socket: Arc<dyn Datagrams>,
    local: SocketAddr,
    /// The sources that have been answered.
    clients: Recent<SocketAddr, Client>,
    /// The source answered last, which is most often the next one too.
    last_peer: Option<SocketAddr>,
    flood_guard: FloodGuard,
}

/// Waits until the socket has rejected datagrams. Returns their sources.
async fn rejections(socket: &dyn Datagrams) -> Vec<IpAddr> {
    let mut sources = Vec::new();
    poll_fn(|_| {
        // It registers no waker: the caller also receives on the socket, which wakes the task.
        socket.take_rejected(&mut sources);
        if sources.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    sources
}

#[derive(Debug, Default)]
struct Client {
    is_known: bool,
    /// Set for the client of a measurement.
    tracker: Option<Box<RunTracker>>,
}

impl DatagramServer {
    async fn run(mut self) {
        let mut draining = pin!(self.worker.tasks.draining());
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let mut reply = Vec::new();
        let mut replies = ReplyBatch::new();
        for turn in 1_u64.. {
            if turn % TURN_DATAGRAMS == 0 {
                tokio::task::yield_now().await;
            }
            // Datagrams that have arrived are answered before the server stops.
            let received = tokio::select! {
                biased;
                () = self.flood_guard.release(&self.worker.admission) => continue,
                sources = rejections(&*self.socket) => {
                    for source in sources {
                        self.worker.note_refused_datagram(&mut self.flood_guard, source);
                    }
                    continue;
                }
                received = self.socket.recv(&mut buffer) => received,
                () = &mut draining => break,
            };
            let Received { len, from, to, more, .. } = match received {
                Ok(received) => received,
                Err(e) => {
                    self.worker.socket_failed(&e).await;
                    continue;
                }
            };
            match self.answer(&buffer[..len], from, &mut reply) {
                Ok(()) => {
                    let route = Route { to: from, from: self.reply_address(to) };
                    replies.add(&*self.socket, &self.worker, route, &reply).await;
                }
                Err(refusal) => self.refuse(refusal, from.ip()),
            }
            if !more {
                replies.flush(&*self.socket, &self.worker).await;
            }
        }
        let Rejected { forged, replayed, strangers } = self.socket.rejected().unwrap_or_default();
        self.worker.counters.refuse(Refusal::Forged, forged);
        self.worker.counters.refuse(Refusal::Replayed, replayed);
        self.worker.counters.refuse(Refusal::Stranger, strangers);
    }

    /// Writes the reply to `request`.
    fn answer(&mut self, request: &[u8], peer: SocketAddr, reply: &mut Vec<u8>) -> Result<(), Refusal> {
        let options = &self.worker.options;
        let measured = MeasuredRequest::in_message(options.service, request)
            .map(|measured| (measured, Reception::immediate(self.worker.host.now())));
        if let Err(refusal) = self.worker.admission.datagram(peer, request.len()) {
            // Only for sources that have been answered before: a refused source gets no memory.
            if let Some(tracker) = measured.and_then(|_| self.clients.get_mut(&peer)?.tracker.as_mut()) {
                tracker.refuse();
            }
            return Err(refusal);
        }
        self.worker.counters.received(request.len());
        reply.clear();
        options.service.answer(request, self.worker.host.unix_time(), reply);
        self.note_client(peer);
        if let Some((measured, reception)) = measured {
            let tracker = self.clients.entry(peer).tracker.get_or_insert_default();
            tracker.report_in_place(&*self.worker.host, measured, reception, reply);
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: Refusal, source: IpAddr) {
        self.worker.refuse(refusal);
        if refusal == Refusal::RateLimit {
            self.worker.note_refused_datagram(&mut self.flood_guard, source);
        }
    }

    /// A socket bound to all addresses replies from the address that the request was sent to, unless that is a
    /// multicast group.
    fn reply_address(&self, asked: Option<IpAddr>) -> Option<IpAddr> {
        asked.filter(|ip| self.local.ip().is_unspecified() && !ip.is_multicast())
    }

    fn note_client(&mut self, peer: SocketAddr) {
        if self.last_peer == Some(peer) {
            return;
        }
        self.last_peer = Some(peer);
        if !std::mem::replace(&mut self.clients.entry(peer).is_known, true) {
            self.worker.connected(peer);
        }
    }
}
