//! wirelab
pub mod certs;
pub mod experiment;
pub mod link;
pub mod path;
pub mod random;
pub mod report;
pub mod send;
pub mod serve;
pub mod service;
pub mod stats;
pub mod target;
pub mod time;
pub mod transport;
pub mod units;
pub mod verify;
pub mod wire;
