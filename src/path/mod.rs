//! Where packets travel: the one place where virtual time, loopback and a real network differ.
//!
//! A [`Host`] is one end of a path. Client and server code takes its clock, timers, tasks and sockets from its host and
//! from nowhere else, so that the same code runs in virtual time ([`sim`]), on the sockets of this machine
//! ([`direct`]), and on these with the emulated wire in between: between sockets ([`relay`]) or between network
//! namespaces ([`netns`]). An [`Observer`] sees every packet on the wire, on any path.

mod address_change;
#[cfg(real_time)]
mod contention;
#[cfg(real_time)]
pub mod direct;
#[cfg(real_time)]
mod drops;
mod ecn_meter;
mod error;
mod fidelity;
mod host;
#[cfg(real_time)]
mod kernel_tcp;
mod layered;
mod layered_quic;
#[cfg(real_time)]
pub mod netns;
mod observer;
mod packet;
#[cfg(real_time)]
mod packet_queue;
mod queue_meter;
mod quinn_runtime;
mod randomness;
#[cfg(real_time)]
mod realtime;
mod rejected;
#[cfg(real_time)]
pub mod relay;
mod side;
pub mod sim;
mod source;
mod stop_signal;
mod successive_links;
#[cfg(real_time)]
#[expect(unsafe_code, reason = "system calls that no safe interface covers")]
mod sys;
mod timeout;
mod timers;
mod usage;
#[cfg(real_time)]
pub mod wait;
#[cfg(real_time)]
mod yielding;
#[cfg(not(real_time))]
#[path = "yielding_without_tokio.rs"]
mod yielding;

pub use self::{
    address_change::{AddressChange, Handover, NewAddress, UnknownPart},
    ecn_meter::EcnCounts,
    error::{DatagramError, PathError, WireBroken},
    fidelity::Fidelity,
    host::{
        BoxFuture, ByteStream, Connected, Datagrams, Host, KernelTcp, Listener, PortShare, Received, TcpInfo,
        TcpRetransmissions, Transit,
    },
    observer::{Exit, Observer, Observers, PacketView, Payload},
    queue_meter::{QueueDelays, QueueMeter},
    quinn_runtime::quinn_runtime,
    randomness::Randomness,
    rejected::Rejected,
    side::Side,
    stop_signal::{StopSignal, Stopped},
    timeout::{Elapsed, timeout},
    timers::{Sleep, Timers},
    usage::ThreadUsage,
};
pub(crate) use self::{
    ecn_meter::EcnMeter,
    host::unspecified,
    layered::{LayeredStream, StreamLayer},
    layered_quic::{LayeredQuic, QuicLayer},
    randomness::NoSimulation,
    rejected::{REJECTED_AT_ONCE, Rejections},
    source::network,
    timers::Clock,
    usage::anonymous_memory,
    yielding::{consume_budget, yield_now},
};
pub(crate) use self::{host::CLOSING, rejected::Rejection};
