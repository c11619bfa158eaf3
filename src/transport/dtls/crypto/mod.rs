//! The cryptography of DTLS: ring's, and AES by itself for record numbers.

mod digests;
mod exchange;
mod secrets;
mod signatures;
mod suites;

use dimpl::crypto::CryptoProvider;

pub(super) use self::{
    secrets::{Secret, derived_by},
    suites::Tally,
};

/// What dimpl needs of cryptography. [`dimpl::ConfigBuilder::build`] checks it against known answers.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: exchange::GROUPS,
        signature_verification: &signatures::Certificates,
        key_provider: &signatures::Keys,
        secure_random: &digests::System,
        hash_provider: &digests::Hashes,
        hmac_provider: &digests::Hmacs,
        cipher_suites: suites::DTLS12,
        dtls13_cipher_suites: suites::DTLS13,
    }
}
