//! What both sides of a comparison use.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::runtime::Runtime;
use wirelab::{
    certs,
    transport::tls::{ClientTls, ServerTls, Trust},
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
    let server_name = certs::EPHEMERAL_NAME.try_into().expect("a name");
    let client = ClientTls {
        trust: Trust::Roots(roots),
        server_name,
        early_data: false,
        sessions: None,
        key_log: false,
    };
    (client, ServerTls { identity, early_data: false })
}
