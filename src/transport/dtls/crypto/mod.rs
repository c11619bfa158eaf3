//! The cryptography of DTLS: ring's, and AES by itself for record numbers.

mod digests;
mod exchange;
mod flights;
mod secrets;
mod signatures;
mod simulated;
mod suites;

use std::marker::PhantomData;

use dimpl::crypto::CryptoProvider;
use p256::ecdsa::SigningKey;
use ring::signature::EcdsaKeyPair;

use self::signatures::Keys;
pub(super) use self::{flights::sealed, secrets::logged_to, suites::Tally};
use crate::path::Host;

/// What dimpl needs of cryptography. [`dimpl::ConfigBuilder::build`] checks it against known answers.
///
/// For a host in virtual time, all randomness is its simulation's.
pub(super) fn provider(host: &dyn Host) -> CryptoProvider {
    let real = CryptoProvider {
        kx_groups: exchange::GROUPS,
        signature_verification: &signatures::Certificates,
        key_provider: &Keys(PhantomData::<EcdsaKeyPair>),
        secure_random: &digests::System,
        hash_provider: &digests::Hashes,
        hmac_provider: &digests::Hmacs,
        cipher_suites: suites::DTLS12,
        dtls13_cipher_suites: suites::DTLS13,
    };
    match host.randomness() {
        None => real,
        Some(_) => CryptoProvider {
            kx_groups: simulated::GROUPS,
            key_provider: &Keys(PhantomData::<SigningKey>),
            secure_random: &simulated::Current,
            ..real
        },
    }
}
