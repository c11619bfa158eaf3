//! wirelab
pub mod certs;
pub mod link;
pub mod path;
pub mod random;
pub mod service;
pub mod target;
pub mod time;
pub mod transport;
pub mod units;
pub mod wire;
