//! What a command line writes with a unit: durations, sizes, rates and shares.
//!
//! Every value is read exactly, in integers, so that what is displayed reads back as the same value.
//! A number without a unit is refused where its unit could be guessed wrong.

mod decimal;
mod duration;
mod error;
mod rate;
mod share;
mod size;

pub use duration::{format_duration, parse_duration, serialize_nanos};
pub use error::UnitError;
pub(crate) use error::shown;
pub use rate::Rate;
pub use share::Share;
pub use size::Size;

#[cfg(test)]
mod tests;
