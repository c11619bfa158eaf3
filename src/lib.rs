//! wirelab
pub mod random;
pub mod report;
pub mod stats;
pub mod time;
