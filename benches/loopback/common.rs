//! What both sides of a comparison use.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::runtime::{Builder, Runtime};
use wirelab::{
    certs,
    transport::tls::{ClientTls, ServerTls, Trust},
};

/// Without tokio's timers, because hosts have their own.
pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_io().build().expect("a runtime")
}

pub(super) fn any_port() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

pub(super) fn tls() -> (ClientTls, ServerTls) {
    let (identity, roots) = certs::ephemeral().expect("certificates");
    let server_name = certs::EPHEMERAL_NAME.try_into().expect("a name");
    let client = ClientTls { trust: Trust::Roots(roots), server_name, early_data: false, key_log: false };
    (client, ServerTls { identity, early_data: false })
}
