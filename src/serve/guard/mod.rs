//! Who may use the server, and how much of it.

mod access;
mod admission;
mod connection_slots;
mod flood_guard;
mod gate;
mod rate_limits;

pub use self::access::{Access, DEFAULT_RATE};
pub(crate) use self::rate_limits::RateLimits;
#[cfg(real_time)]
pub(crate) use self::{
    access::may_answer,
    rate_limits::{Bucket, Excess},
};
pub(super) use self::{
    admission::Admission,
    connection_slots::{ConnectionSlots, Slot},
    flood_guard::FloodGuard,
    gate::UrlGate,
};
