//! The service on QUIC: each bidirectional stream is a byte stream, each datagram a message.
//!
//! Clients that negotiate the application protocol `perf` get the [performance protocol](perf) instead.

mod connection;
mod finished_streams;
mod in_turn;
mod limits;
mod measured_stream;
mod perf;
mod transfer;

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use quinn::Incoming;

use self::{connection::serve_connection, limits::limits};
use super::{error::ServeError, refusal::Refusal, worker::Worker};
use crate::{
    path::timeout,
    transport::{
        Congestion, LossDetection,
        quic::{self, QuicKeys, QuicServer, QuicSettings},
        tls::{ALPN, Identity},
    },
};

/// How long a server waits at its end for clients to acknowledge the close of their connections.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// What the endpoints of all workers of one URL share.
#[derive(Debug)]
pub(super) struct Crypto {
    tls: Arc<rustls::ServerConfig>,
    keys: QuicKeys,
}

impl Crypto {
    pub(super) fn new(mut tls: rustls::ServerConfig, seed: Option<u64>, identity: &Identity) -> Self {
        tls.alpn_protocols = vec![ALPN.to_vec(), perf::ALPN.to_vec()];
        Self { tls: Arc::new(tls), keys: QuicKeys::new(seed, identity) }
    }
}

pub(super) fn listen(worker: Worker, local: SocketAddr, crypto: &Crypto) -> Result<SocketAddr, ServeError> {
    let settings = settings(&worker);
    let server = quic::listen_sharing(&worker.host, local, crypto.tls.clone(), &crypto.keys, &settings)?;
    let local = server.endpoint.local_addr().unwrap_or(local);
    Ok(worker.start("a QUIC listener", local, |worker| accept(Arc::new(worker), Arc::new(server))))
}

/// The settings of new connections.
pub(super) fn settings(worker: &Worker) -> QuicSettings {
    QuicSettings {
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        seed: worker.options.seed,
        limits: limits(0, &worker.options),
        tracers: Default::default(),
    }
}

async fn accept(worker: Arc<Worker>, server: Arc<QuicServer>) {
    let mut draining = pin!(worker.tasks.draining());
    loop {
        let incoming = tokio::select! {
            biased;
            () = &mut draining => break,
            incoming = server.endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        server.discarded.accepted();
        let source = incoming.remote_address().ip();
        match worker.admission.quic_connection(source, incoming.remote_address_validated()) {
            Ok(slot) => {
                let task = serve_connection(worker.clone(), server.clone(), incoming, slot);
                worker.tasks.spawn("a QUIC connection", task);
            }
            Err(refusal) => {
                worker.refuse(refusal);
                turn_away(incoming, refusal);
            }
        }
    }
    worker.counters.refuse(Refusal::Stray, server.discarded.count());
    server.endpoint.set_server_config(None);
    // Bounded, because a connection whose client is gone takes three probe timeouts to close.
    let _ = timeout(&*worker.host, CLOSE_WAIT, server.endpoint.wait_idle()).await;
}

fn turn_away(incoming: Incoming, refusal: Refusal) {
    match refusal {
        Refusal::Retry => {
            // Fails only for a client that has validated its address, and such a client gets no Retry.
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
        }
        // A source that is not allowed gets no reply. Others may try again later.
        Refusal::NotAllowed => incoming.ignore(),
        _ => incoming.refuse(),
    }
}
