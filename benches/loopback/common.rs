//! What both sides of a comparison share.

#[path = "../../tests/support/fixtures.rs"]
#[expect(dead_code, reason = "no workload is needed here")]
mod fixtures;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::runtime::Runtime;
use wirelab::{
    certs,
    transport::tls::{ClientTls, ServerTls},
};

/// That of the program.
pub(super) fn runtime() -> Runtime {
    wirelab::path::direct::runtime().expect("a runtime")
}

pub(super) fn any_port() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

pub(super) fn tls() -> (ClientTls, ServerTls) {
    let (identity, roots) = certs::ephemeral().expect("certificates");
    (fixtures::client_tls(roots), ServerTls { identity, early_data: false, key_log: None })
}
