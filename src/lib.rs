//! wirelab
pub mod random;
pub mod time;
