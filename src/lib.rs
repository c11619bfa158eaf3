//! wirelab
pub mod certs;
pub mod link;
pub mod path;
pub mod random;
pub mod send;
pub mod serve;
pub mod service;
pub mod target;
pub mod time;
pub mod transport;
pub mod units;
pub mod wire;
