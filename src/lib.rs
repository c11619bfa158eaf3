//! wirelab
pub mod link;
pub mod random;
pub mod time;
pub mod units;
