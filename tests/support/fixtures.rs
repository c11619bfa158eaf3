//! What tests and benchmarks share: a workload and a client's TLS.

use std::{sync::Arc, time::Duration};

use rustls::RootCertStore;
use wirelab::{
    certs,
    experiment::{Arrivals, Wait, Workload, application::Application},
    transport::tls::{CertificateVerdict, ClientTls, Trust},
};

/// Eight flows that take turns: a message of 1000 bytes every 10 ms, and a reply of the same length.
pub(crate) fn workload(duration: Duration) -> Workload {
    Workload {
        application: Application::Messages,
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
