//! TLS 1.3 over the kernel's TCP (RFC 8446).

mod early;
mod limits;
mod session;

#[cfg(feature = "sockets")]
pub(crate) use self::session::{fill_records, wire_bytes};
pub(crate) use super::security::ALPN;
pub use super::security::{CertificateVerdict, ClientTls, Identity, Leaf, ServerTls, Trust};

/// Whether `bytes`, the first that a server sent, begin a TLS alert: content type 21, and 3, the major version in every
/// TLS record (RFC 8446 section 5.1).
pub(crate) fn is_tls_alert(bytes: &[u8]) -> bool {
    bytes.starts_with(&[21, 3])
}

/// The hint for a client that connects without TLS to a port that answers with a TLS alert.
pub(crate) const SPEAKS_TLS: &str = "it answers in TLS; is it a tls:// port?";
