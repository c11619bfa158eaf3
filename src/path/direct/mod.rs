//! Real time on the sockets of this machine.

mod bind;
mod bpf;
mod calls;
mod clock;
mod control;
mod host;
mod linger;
mod link_socket;
mod loopback;
mod observed;
mod quic;
mod run;
mod segments;
mod shown;
mod shun;
mod socket_errors;
mod stamps;
mod steer;
mod stream;
mod tcp;
mod udp;
mod worker;

pub(crate) use self::observed::SocketObservers;
pub(super) use self::{
    bind::{Ports, bind_udp, connect_udp},
    calls::Counted,
    tcp::TcpListener,
};
pub use self::{
    host::{DirectHost, runtime},
    link_socket::{LinkSocket, Origin},
    loopback::check_loopback,
    segments::may_observe_tcp,
    worker::{HostThread, Worker},
};
