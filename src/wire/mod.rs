//! Byte formats. This module does no I/O, and its parsers trust no length field.

mod checksum;
pub mod discovery;
pub mod extension;
pub mod ip;
mod message;
pub mod probe;
pub mod quic;
pub mod segment;
pub mod tcp;
pub mod transfer;

pub use extension::{Extension, ReportRequest, ServerReport};
pub use message::MessageId;
pub use probe::{EXTENDED_HEADER_BYTES, HEADER_BYTES, Probe, ProbeError};
pub use transfer::{Receipt, TransferMessage};
