//! ECDSA: signing with a P-256 key, and verifying with the key of a certificate.

use std::marker::PhantomData;

use dimpl::{
    CryptoError, CryptoOperation, HashAlgorithm, NamedGroup, SignatureAlgorithm,
    crypto::{Buf, CryptoSafe, KeyProvider, SignatureVerifier, SigningKey},
};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, EcdsaKeyPair,
        Signature, UnparsedPublicKey,
    },
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Length of the signatures that we make. The length of a signature on P-256 varies by a few bytes (RFC 3279 section
/// 2.2.3). With one length, all handshakes have the same size. Half of all signatures have this length.
const SIGNATURE_BYTES: usize = 71;

/// A private key on P-256.
pub(super) trait PrivateKey: CryptoSafe + Sized + 'static {
    /// A signature in DER.
    type Signature: AsRef<[u8]>;

    fn from_pkcs8(pkcs8: &[u8]) -> Option<Self>;

    /// Signatures of `data`, each with a new nonce. An item is `None` if signing failed.
    fn signatures(&self, data: &[u8]) -> Result<impl Iterator<Item = Option<Self::Signature>>, CryptoError>;
}

/// Loads keys of type `K`.
#[derive(Debug)]
pub(super) struct Keys<K>(pub(super) PhantomData<K>);

impl<K: PrivateKey> KeyProvider for Keys<K> {
    /// An end without a certificate has an empty key.
    fn load_private_key(&self, pkcs8: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        if pkcs8.is_empty() {
            return Ok(Box::new(Signer::<K>(None)));
        }
        Ok(Box::new(Signer(Some(K::from_pkcs8(pkcs8).ok_or(CryptoError::InvalidPrivateKey)?))))
    }
}

#[derive(Debug)]
struct Signer<K>(Option<K>);

impl<K: PrivateKey> SigningKey for Signer<K> {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::SigningKeyUnsupportedHash { group: NamedGroup::Secp256r1, hash });
        }
        let failed = CryptoError::OperationFailed(CryptoOperation::Sign);
        let key = self.0.as_ref().ok_or(failed.clone())?;
        for signature in key.signatures(data)? {
            let signature = signature.ok_or(failed.clone())?;
            if signature.as_ref().len() == SIGNATURE_BYTES {
                out.clear();
                out.extend_from_slice(signature.as_ref());
                return Ok(());
            }
        }
        Err(failed)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

/// Nonces come from the system.
impl PrivateKey for EcdsaKeyPair {
    type Signature = Signature;

    fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        Self::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new()).ok()
    }

    fn signatures(&self, data: &[u8]) -> Result<impl Iterator<Item = Option<Signature>>, CryptoError> {
        Ok(std::iter::repeat_with(|| self.sign(&SystemRandom::new(), data).ok()))
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
