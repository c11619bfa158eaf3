//! The quantities that everything else is written in: instants, directions, seeded randomness, and what a command
//! line writes with a unit: durations, sizes, rates and shares.
//!
//! Every value with a unit is read exactly, in integers, so that what is displayed reads back as the same value.
//! A number without a unit is refused where its unit could be guessed wrong.

mod decimal;
mod direction;
mod duration;
mod error;
pub mod random;
mod rate;
mod share;
mod size;
mod time;

pub use direction::{Direction, PerDirection};
pub use duration::{format_duration, parse_duration, serialize_nanos};
pub use error::UnitError;
pub(crate) use error::shown;
pub use rate::Rate;
pub use share::Share;
pub use size::Size;
pub use time::{Time, nanos};

#[cfg(test)]
mod tests;
