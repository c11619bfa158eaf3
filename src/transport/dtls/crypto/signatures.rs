//! ECDSA: signing with a P-256 key, and verifying with the key of a certificate.

use dimpl::{
    CryptoError, CryptoOperation, HashAlgorithm, NamedGroup, SignatureAlgorithm,
    crypto::{Buf, KeyProvider, SignatureVerifier, SigningKey},
};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, EcdsaKeyPair,
        UnparsedPublicKey,
    },
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Length of the signatures that we make. Those of P-256 are a few bytes shorter or longer, by chance (RFC 3279 section
/// 2.2.3); with one length, all handshakes take the same bytes. Half of all signatures have it.
pub(super) const SIGNATURE_BYTES: usize = 71;

pub(super) const SHA256: &[HashAlgorithm] = &[HashAlgorithm::SHA256];

#[derive(Debug)]
pub(super) struct Keys;

impl KeyProvider for Keys {
    /// An empty key is that of an end without a certificate.
    fn load_private_key(&self, pkcs8: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        if pkcs8.is_empty() {
            return Ok(Box::new(Key(None)));
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new());
        Ok(Box::new(Key(Some(pair.map_err(|_| CryptoError::InvalidPrivateKey)?))))
    }
}

#[derive(Debug)]
struct Key(Option<EcdsaKeyPair>);

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::SigningKeyUnsupportedHash { group: NamedGroup::Secp256r1, hash });
        }
        let failed = CryptoError::OperationFailed(CryptoOperation::Sign);
        let pair = self.0.as_ref().ok_or(failed.clone())?;
        loop {
            let signature = pair.sign(&SystemRandom::new(), data).map_err(|_| failed.clone())?;
            if signature.as_ref().len() == SIGNATURE_BYTES {
                out.clear();
                out.extend_from_slice(signature.as_ref());
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

#[derive(Debug)]
pub(super) struct Certificates;

impl SignatureVerifier for Certificates {
    /// The hash decides the curve, as the signature schemes of TLS 1.3 do (RFC 8446 section 4.2.3).
    fn verify_signature(
        &self,
        certificate: &[u8],
        data: &[u8],
        signature: &[u8],
        hash: HashAlgorithm,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        let (group, verification) = match (algorithm, hash) {
            (SignatureAlgorithm::ECDSA, HashAlgorithm::SHA256) => {
                (NamedGroup::Secp256r1, &ECDSA_P256_SHA256_ASN1)
            }
            (SignatureAlgorithm::ECDSA, HashAlgorithm::SHA384) => {
                (NamedGroup::Secp384r1, &ECDSA_P384_SHA384_ASN1)
            }
            _ => return Err(CryptoError::UnsupportedSignatureAlgorithm(algorithm)),
        };
        let (_, certificate) =
            X509Certificate::from_der(certificate).map_err(|_| CryptoError::CertificateParseFailed)?;
        let key = &certificate.public_key().subject_public_key.data;
        UnparsedPublicKey::new(verification, key)
            .verify(data, signature)
            .map_err(|_| CryptoError::SignatureVerificationFailed { signature: algorithm, hash, group })
    }
}
