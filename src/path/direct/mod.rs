//! Real time on the sockets of this machine.

mod bind;
mod calls;
mod clock;
mod host;
mod linger;
mod link_socket;
mod observed;
mod quic;
mod shun;
mod socket_errors;
mod steer;
mod stream;
mod tcp;
mod udp;
mod worker;

pub(super) use self::{
    bind::{Ports, bind_udp, connect_udp},
    calls::Counted,
    tcp::TcpListener,
};
pub use self::{
    host::{DirectHost, runtime},
    link_socket::{LinkSocket, Origin},
    observed::observed,
    worker::{HostThread, Worker},
};
