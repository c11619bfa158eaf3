//! Who may use the server, and how much of it.

mod access;
mod admission;
mod connection_slots;
mod flood_guard;
mod gate;
mod rate_limits;

pub use self::access::{Access, DEFAULT_RATE};
pub(super) use self::{
    admission::Admission,
    connection_slots::{ConnectionSlots, Slot},
    flood_guard::FloodGuard,
    gate::UrlGate,
    rate_limits::RateLimits,
};
