//! TLS 1.3 over the kernel's TCP (RFC 8446).

mod early;
mod session;
mod spec;

pub use super::security::{ALPN, CertificateVerdict, ClientTls, Identity, Leaf, ServerTls, Trust};
