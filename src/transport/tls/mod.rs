//! TLS 1.3 over the kernel's TCP (RFC 8446).

mod early;
mod session;
mod spec;

pub use super::security::{ALPN, CertificateVerdict, ClientTls, Identity, Leaf, ServerTls, Trust};

/// Whether a server's first bytes on a plain byte stream are a TLS alert: its content type, and the version in every TLS
/// record (RFC 8446 section 5.1).
pub(crate) fn is_tls_alert(bytes: &[u8]) -> bool {
    bytes.starts_with(&[21, 3])
}

/// What to say to a client that does not speak TLS.
pub(crate) const SPEAKS_TLS: &str = "it answers in TLS; is it a tls:// port?";
