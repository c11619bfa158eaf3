//! Byte formats. Everything here is pure, and everything that parses does so without trusting a length.

pub mod probe;
pub mod quic;
pub mod segment;
pub mod slip;
pub mod transfer;

pub use probe::{HEAD_BYTES, HEADER_BYTES, MessageId, Probe, ProbeError};
pub use slip::{Ask, Postmark, Slip};
pub use transfer::{Receipt, TransferMessage};
