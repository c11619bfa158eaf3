//! Cryptography with randomness from the seed of a simulation, so that ciphertext is reproducible. Outside simulations
//! it fails.

use dimpl::{
    CryptoError, CryptoOperation, HashAlgorithm, NamedGroup, SignatureAlgorithm,
    crypto::{ActiveKeyExchange, Buf, KeyProvider, SecureRandom, SigningKey, SupportedKxGroup},
};
use p256::ecdsa::{DerSignature, signature::RandomizedSigner};
use rand::SeedableRng;

use super::{
    exchange,
    signatures::{SHA256, SIGNATURE_BYTES},
};
use crate::{path::Randomness, transport::security::X25519KeyPair, unit::random::ChaCha8Rng};

/// The groups of real time in the same order. No simulation agrees on the last one, because both ends prefer X25519.
pub(super) static GROUPS: &[&dyn SupportedKxGroup] = &[&X25519, &exchange::P256];

#[derive(Debug)]
pub(super) struct Current;

impl SecureRandom for Current {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        let filled = Randomness::fill_current(bytes);
        filled.map_err(|_| CryptoError::OperationFailed(CryptoOperation::FillRandom))
    }
}

#[derive(Debug)]
struct X25519;

struct Exchange(X25519KeyPair);

impl SupportedKxGroup for X25519 {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn start_exchange(&self, _: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let pair = X25519KeyPair::generate();
        let pair = pair.map_err(|_| CryptoError::OperationFailed(CryptoOperation::GenerateEphemeralKey))?;
        Ok(Box::new(Exchange(pair)))
    }
}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.0.public
    }

    fn complete(self: Box<Self>, peer: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let shared = self.0.agree(peer).ok_or(CryptoError::InvalidPublicKey(NamedGroup::X25519))?;
        out.clear();
        out.extend_from_slice(&shared);
        Ok(())
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange")
    }
}

#[derive(Debug)]
pub(super) struct Keys;

impl KeyProvider for Keys {
    /// An empty key is that of an end without a certificate.
    fn load_private_key(&self, pkcs8: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        if pkcs8.is_empty() {
            return Ok(Box::new(Key(None)));
        }
        let pair = scalar(pkcs8).and_then(|scalar| p256::ecdsa::SigningKey::from_slice(scalar).ok());
        Ok(Box::new(Key(Some(pair.ok_or(CryptoError::InvalidPrivateKey)?))))
    }
}

/// The private key in a PKCS#8 document with the optional public key, the only form that ring knows.
fn scalar(pkcs8: &[u8]) -> Option<&[u8]> {
    /// Bytes before the private key, and the ones just before it: its type and length.
    const BEFORE: usize = 36;
    const OCTET_STRING_OF_32: [u8; 2] = [4, 32];
    let (before, rest) = pkcs8.split_at_checked(BEFORE)?;
    rest.get(..32).filter(|_| before.ends_with(&OCTET_STRING_OF_32))
}

#[derive(Debug)]
struct Key(Option<p256::ecdsa::SigningKey>);

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::SigningKeyUnsupportedHash { group: NamedGroup::Secp256r1, hash });
        }
        let failed = CryptoError::OperationFailed(CryptoOperation::Sign);
        let pair = self.0.as_ref().ok_or(failed.clone())?;
        let mut seed = [0; 32];
        Current.fill(&mut seed)?;
        let mut rng = ChaCha8Rng::from_seed(seed);
        loop {
            let signature: DerSignature =
                pair.try_sign_with_rng(&mut rng, data).map_err(|_| failed.clone())?;
            if signature.as_bytes().len() == SIGNATURE_BYTES {
                out.clear();
                out.extend_from_slice(signature.as_bytes());
                return Ok(());
            }
        }
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        SHA256
    }
}
