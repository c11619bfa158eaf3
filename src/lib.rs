//! wirelab
pub mod certs;
pub mod cli;
pub mod experiment;
pub mod link;
pub mod path;
pub mod random;
pub mod report;
pub mod stats;
pub mod time;
pub mod transport;
pub mod units;
pub mod wire;
