//! Cryptography with randomness from the seed of a simulation, so that ciphertext is reproducible. It fails outside
//! simulations.

use std::sync::{Arc, LazyLock};

use rustls::{
    Error, NamedGroup, PeerMisbehaved,
    crypto::{
        ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
    },
    ffdhe_groups::FfdheGroup,
};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::path::{NoSimulation, Randomness};

/// The algorithms of the [provider](super::PROVIDER) for real time, with randomness from the simulation.
pub(super) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = (**super::PROVIDER).clone();
    provider.secure_random = &Current;
    // The other groups are still offered, so that messages are as long as in real time.
    provider.kx_groups = vec![&X25519, &Unusable(NamedGroup::secp256r1), &Unusable(NamedGroup::secp384r1)];
    Arc::new(provider)
});

/// A key pair for X25519 (RFC 7748).
pub(in crate::transport) struct X25519KeyPair {
    private: StaticSecret,
    pub(in crate::transport) public: [u8; 32],
}

impl X25519KeyPair {
    /// A new key pair of the simulation on this thread.
    pub(in crate::transport) fn generate() -> Result<Self, NoSimulation> {
        let mut private = [0; 32];
        Randomness::fill_current(&mut private)?;
        let private = StaticSecret::from(private);
        let public = PublicKey::from(&private).to_bytes();
        Ok(Self { private, public })
    }

    /// The shared secret, or `None` if the peer's public key is invalid.
    pub(in crate::transport) fn agree(&self, peer: &[u8]) -> Option<[u8; 32]> {
        let peer: [u8; 32] = peer.try_into().ok()?;
        let shared = self.private.diffie_hellman(&peer.into());
        shared.was_contributory().then(|| shared.to_bytes())
    }
}

#[derive(Debug)]
struct Current;

impl SecureRandom for Current {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        Randomness::fill_current(bytes).map_err(|_| GetRandomFailed)
    }
}

#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(X25519KeyPair::generate().map_err(|_| GetRandomFailed)?))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for X25519KeyPair {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let shared = self.agree(peer).ok_or(PeerMisbehaved::InvalidKeyShare)?;
        Ok(SharedSecret::from(&shared[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// A group that simulations never choose, because both ends prefer X25519.
#[derive(Debug)]
struct Unusable(NamedGroup);

impl SupportedKxGroup for Unusable {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Err(Error::General("simulations exchange keys by X25519 only".to_owned()))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_fails_outside_simulations() {
        assert!(PROVIDER.secure_random.fill(&mut [0; 4]).is_err());
        assert!(PROVIDER.kx_groups.iter().all(|group| group.start().is_err()));
    }

    #[test]
    fn it_offers_the_groups_of_the_other_provider_in_the_same_order() {
        let names = |provider: &CryptoProvider| -> Vec<NamedGroup> {
            provider.kx_groups.iter().map(|group| group.name()).collect()
        };
        assert_eq!(names(&PROVIDER), names(&super::super::PROVIDER));
    }
}
