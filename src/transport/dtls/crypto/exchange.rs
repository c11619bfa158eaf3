//! Key exchange: X25519 (RFC 7748) and P-256.

use dimpl::{
    CryptoError, CryptoOperation, NamedGroup,
    crypto::{ActiveKeyExchange, Buf, SupportedKxGroup},
};
use ring::{
    agreement::{Algorithm, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    rand::SystemRandom,
};

/// The groups, the preferred one first.
pub(super) static GROUPS: &[&dyn SupportedKxGroup] =
    &[&Group { name: NamedGroup::X25519, algorithm: &X25519 }, &P256];
pub(super) static P256: Group = Group { name: NamedGroup::Secp256r1, algorithm: &ECDH_P256 };

#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    name: NamedGroup,
    algorithm: &'static Algorithm,
}

#[derive(Debug)]
struct Exchange {
    group: Group,
    private: EphemeralPrivateKey,
    public: Buf,
}

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start_exchange(&self, mut public: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let failed = |_| CryptoError::OperationFailed(CryptoOperation::GenerateEphemeralKey);
        let private = EphemeralPrivateKey::generate(self.algorithm, &SystemRandom::new()).map_err(failed)?;
        public.clear();
        public.extend_from_slice(private.compute_public_key().map_err(failed)?.as_ref());
        Ok(Box::new(Exchange { group: *self, private, public }))
    }
}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let Group { name, algorithm } = self.group;
        agree_ephemeral(self.private, &UnparsedPublicKey::new(algorithm, peer), |secret| {
            out.clear();
            out.extend_from_slice(secret);
        })
        .map_err(|_| CryptoError::InvalidPublicKey(name))
    }

    fn group(&self) -> NamedGroup {
        self.group.name
    }
}
