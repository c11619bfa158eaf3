//! Certificates: a CA and a server certificate that it signed, in a folder or for this process only.
//!
//! Keys are Ed25519. Its signatures have a constant length, so handshakes of one transport take the same bytes. DTLS
//! does not know it, and has a certificate of its own, whose key is ECDSA on P-256.

mod ephemeral;
mod error;
mod files;
mod generate;
mod store;

pub(crate) use self::ephemeral::simulated;
pub use self::{
    ephemeral::{EPHEMERAL_NAME, ephemeral, ephemeral_of},
    error::CertsError,
    files::{Description, roots},
    store::{DEFAULT_NAMES, Store},
};
