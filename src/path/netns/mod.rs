//! Two hosts of this machine in network namespaces of their own, and the emulated wire between them: the kernel's IP
//! packets, TCP's too, pass through the same [`Link`](crate::link::Link) as in virtual time.
//!
//! ```text
//! client's namespace                      server's namespace
//!   sockets, wire0 10.0.0.1                 wire0 10.0.0.2, sockets
//!              └──── forwarder thread: Link to server ────┘
//!                                      Link to client
//! ```
//!
//! Namespaces are anonymous: only descriptors and sockets hold them, so that nothing is left behind however the process
//! ends. With the capabilities, [`World::new`] may be called anywhere: a thread of its own makes each namespace. An
//! ordinary user first moves the whole process into a user namespace ([`prepare`]), which is possible only before the
//! process starts its second thread.

mod device;
mod error;
mod forwarder;
mod host;
mod namespace;
mod netlink;
mod permission;
mod programs;
mod settings;
mod tcp;
mod world;

pub(crate) use self::settings::settings;
pub use self::{
    device::Device, error::NetnsError, host::NetnsHost, namespace::Namespace, permission::prepare,
    programs::Programs, world::World,
};
