//! What tests and benchmarks share: a workload, a client's TLS, and the settings of both ends of a session.

use std::{sync::Arc, time::Duration};

use rustls::RootCertStore;
use wirelab::{
    certs,
    experiment::{Arrivals, Wait, Workload},
    transport::{
        Congestion, LossDetection, SessionSettings,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
        tls::{CertificateVerdict, ClientTls, ServerTls, Trust},
    },
};

/// Eight flows that take turns: a message of 1000 bytes every 10 ms, and a reply of the same length.
pub(crate) fn workload(duration: Duration) -> Workload {
    Workload {
        flows: 8,
        interval: Duration::from_millis(10),
        length: 1000,
        reply_length: 1000,
        arrivals: Arrivals::Isochronous,
        warmup: Duration::ZERO,
        duration,
        wait: Wait { times: 3, most: Duration::from_secs(4) },
        deadline: Duration::from_millis(100),
    }
}

/// The TLS of a client that trusts an ephemeral certificate.
pub(crate) fn client_tls(roots: Arc<RootCertStore>) -> ClientTls {
    ClientTls {
        trust: Trust::Roots(roots),
        server_name: certs::EPHEMERAL_NAME.try_into().expect("a server name"),
        early_data: false,
        sessions: None,
        key_log: None,
        verdict: CertificateVerdict::default(),
    }
}

/// The settings of both ends of a session with an ephemeral certificate.
pub(crate) fn session_settings(congestion: Congestion, limits: QuicLimits) -> SessionSettings {
    let (identity, roots) = certs::ephemeral().expect("a certificate");
    let loss_detection = LossDetection::default();
    SessionSettings {
        quic: QuicSettings { congestion, loss_detection, seed: Some(1), limits, tracers: Default::default() },
        arq: ArqSettings {
            congestion,
            loss_detection,
            seed: Some(1),
            max_datagram: 1200,
            limits: ArqLimits::EXPERIMENT,
            tracer: None,
        },
        client_tls: client_tls(roots),
        server_tls: Some(ServerTls { identity, early_data: false, key_log: None }),
        shared_key: None,
        tcp_tracer: None,
    }
}
