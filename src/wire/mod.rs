//! Byte formats. Everything here is pure, and everything that parses does so without trusting a length.

pub mod probe;
pub mod quic;
pub mod segment;

pub use probe::{HEADER_BYTES, MessageId, Probe, ProbeError};
