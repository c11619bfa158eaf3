//! Cryptography with randomness from the seed of a simulation, so that ciphertext is reproducible. It fails outside
//! simulations.

use dimpl::{
    CryptoError, CryptoOperation, NamedGroup,
    crypto::{ActiveKeyExchange, Buf, SecureRandom, SupportedKxGroup},
};
use p256::ecdsa::{DerSignature, SigningKey, signature::RandomizedSigner};
use rand::SeedableRng;

use super::{exchange, signatures::PrivateKey};
use crate::{path::Randomness, transport::security::X25519KeyPair, unit::random::ChaCha8Rng};

/// The same groups in the same order as in real time. Simulations never choose the last one, because both ends prefer
/// X25519.
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

/// Nonces come from the simulation.
impl PrivateKey for SigningKey {
    type Signature = DerSignature;

    fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        scalar(pkcs8).and_then(|scalar| Self::from_slice(scalar).ok())
    }

    fn signatures(&self, data: &[u8]) -> Result<impl Iterator<Item = Option<DerSignature>>, CryptoError> {
        let mut seed = [0; 32];
        Current.fill(&mut seed)?;
        let mut rng = ChaCha8Rng::from_seed(seed);
        Ok(std::iter::repeat_with(move || self.try_sign_with_rng(&mut rng, data).ok()))
    }
}

/// The private key in a PKCS#8 document that also has the public key. ring reads no other form.
fn scalar(pkcs8: &[u8]) -> Option<&[u8]> {
    /// The number of bytes before the private key. The last of them are its type and length.
    const BEFORE: usize = 36;
    const OCTET_STRING_OF_32: [u8; 2] = [4, 32];
    let (before, rest) = pkcs8.split_at_checked(BEFORE)?;
    rest.get(..32).filter(|_| before.ends_with(&OCTET_STRING_OF_32))
}
