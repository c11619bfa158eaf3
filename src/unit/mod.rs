//! Basic types: instants, directions, seeded randomness, and quantities with a unit (durations, sizes, rates, shares).
//!
//! Quantities are parsed into integers without rounding, and their text parses back to the same value. A number without
//! a unit is an error if its unit is ambiguous.

mod decimal;
mod direction;
mod duration;
mod error;
pub mod file;
mod json;
mod mutex;
mod one_thread;
pub mod random;
mod rate;
mod recent;
mod room;
pub(crate) mod saved;
mod share;
mod size;
mod time;

pub use direction::{Direction, PerDirection};
pub(crate) use duration::serialize_nanos;
pub use duration::{format_duration, parse_duration, parse_positive_duration};
pub use error::UnitError;
pub(crate) use error::shown;
pub(crate) use json::without_place;
pub use mutex::Mutex;
pub(crate) use one_thread::{Lock, LockGuard, OneThread};
pub use rate::Rate;
#[cfg(test)]
pub(crate) use recent::RECENT_CAPACITY;
pub(crate) use recent::Recent;
pub(crate) use room::Room;
pub use share::Share;
pub(crate) use share::rounded;
pub use size::Size;
pub use time::{Time, nanos};
