//! Byte formats: what is written reads back, and no bytes make a parser panic.

mod ip;
mod probe;
mod quic;
mod segment;
mod transfer;
