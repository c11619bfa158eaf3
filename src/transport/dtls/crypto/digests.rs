//! Hashes, HMAC and randomness.

use std::fmt;

use dimpl::{
    CryptoError, CryptoOperation, HashAlgorithm,
    crypto::{Buf, HashContext, HashProvider, HmacProvider, SecureRandom},
};
use ring::{
    digest, hmac,
    rand::{SecureRandom as _, SystemRandom},
};

use super::secrets;

#[derive(Debug)]
pub(super) struct Hashes;

struct Hash(digest::Context);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

impl HashProvider for Hashes {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let algorithm = if algorithm == HashAlgorithm::SHA384 { &digest::SHA384 } else { &digest::SHA256 };
        Box::new(Hash(digest::Context::new(algorithm)))
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

#[derive(Debug)]
pub(super) struct Hmacs;

impl HmacProvider for Hmacs {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let algorithm = match hash {
            HashAlgorithm::SHA256 => hmac::HMAC_SHA256,
            HashAlgorithm::SHA384 => hmac::HMAC_SHA384,
            _ => return Err(CryptoError::UnsupportedHmacHash(hash)),
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
        let tag = tag.as_ref();
        out.get_mut(..tag.len())
            .ok_or(CryptoError::OperationFailed(CryptoOperation::ComputeHmac))?
            .copy_from_slice(tag);
        secrets::note(data, tag);
        Ok(tag.len())
    }
}

#[derive(Debug)]
pub(super) struct System;

impl SecureRandom for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
        let filled = SystemRandom::new().fill(buffer);
        filled.map_err(|_| CryptoError::OperationFailed(CryptoOperation::FillRandom))
    }
}
