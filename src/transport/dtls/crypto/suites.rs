//! Cipher suites: AES-128-GCM, which every implementation has (RFC 9147 section 11), and ChaCha20-Poly1305.

use std::cell::Cell;

use aes::{
    Aes128,
    cipher::{Array, BlockCipherEncrypt, KeyInit},
};
use dimpl::{
    CryptoError, CryptoOperation, HashAlgorithm,
    crypto::{
        Aad, Buf, Cipher, Dtls12CipherSuite, Dtls13CipherSuite, Nonce, SupportedDtls12CipherSuite,
        SupportedDtls13CipherSuite, TmpBuf,
    },
};
use ring::aead::{self, LessSafeKey, UnboundKey, quic};

use super::flights;

/// The suites of DTLS 1.2, the preferred one first.
pub(super) static DTLS12: &[&dyn SupportedDtls12CipherSuite] = &[&AES_128_GCM, &CHACHA20_POLY1305];
/// The suites of DTLS 1.3, the preferred one first.
pub(super) static DTLS13: &[&dyn SupportedDtls13CipherSuite] = &[&AES_128_GCM, &CHACHA20_POLY1305];

static AES_128_GCM: Suite = Suite {
    dtls12: Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
    dtls13: Dtls13CipherSuite::AES_128_GCM_SHA256,
    algorithm: &aead::AES_128_GCM,
    explicit_nonce: 8,
    mask: aes_128,
};
static CHACHA20_POLY1305: Suite = Suite {
    dtls12: Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    dtls13: Dtls13CipherSuite::CHACHA20_POLY1305_SHA256,
    algorithm: &aead::CHACHA20_POLY1305,
    explicit_nonce: 0,
    mask: chacha20,
};

#[derive(Debug)]
struct Suite {
    dtls12: Dtls12CipherSuite,
    dtls13: Dtls13CipherSuite,
    algorithm: &'static aead::Algorithm,
    /// Bytes of the nonce that a record of DTLS 1.2 carries (RFC 5288 section 3, RFC 7905 section 2).
    explicit_nonce: usize,
    /// Encrypts record numbers of DTLS 1.3 (RFC 9147 section 4.2.3).
    mask: fn(key: &[u8], sample: &[u8; 16]) -> Option<[u8; 16]>,
}

impl Suite {
    fn cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = UnboundKey::new(self.algorithm, key);
        let key = key.map_err(|_| CryptoError::OperationFailed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Sealer(LessSafeKey::new(key))))
    }
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        self.dtls12
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_lengths(&self) -> (usize, usize, usize) {
        (0, self.algorithm.key_len(), aead::NONCE_LEN - self.explicit_nonce)
    }

    fn explicit_nonce_len(&self) -> usize {
        self.explicit_nonce
    }

    fn tag_len(&self) -> usize {
        self.algorithm.tag_len()
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        self.cipher(key)
    }
}

impl SupportedDtls13CipherSuite for Suite {
    fn suite(&self) -> Dtls13CipherSuite {
        self.dtls13
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        self.algorithm.key_len()
    }

    fn iv_len(&self) -> usize {
        aead::NONCE_LEN
    }

    fn tag_len(&self) -> usize {
        self.algorithm.tag_len()
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        self.cipher(key)
    }

    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        // Keys have the length of the suite, so there is always a mask.
        (self.mask)(key, sample).unwrap_or_default()
    }
}

fn aes_128(key: &[u8], sample: &[u8; 16]) -> Option<[u8; 16]> {
    let mut block = Array::from(*sample);
    Aes128::new_from_slice(key).ok()?.encrypt_block(&mut block);
    Some(block.into())
}

fn chacha20(key: &[u8], sample: &[u8; 16]) -> Option<[u8; 16]> {
    let mask = quic::HeaderProtectionKey::new(&quic::CHACHA20, key).ok()?.new_mask(sample).ok()?;
    let mut block = [0; 16];
    block[..mask.len()].copy_from_slice(&mask);
    Some(block)
}

#[derive(Debug)]
struct Sealer(LessSafeKey);

impl Cipher for Sealer {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let parts = flights::parts(plaintext, &aad);
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        self.0
            .seal_in_place_append_tag(nonce, aead::Aad::from(&*aad), plaintext)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::Encrypt))?;
        flights::note(parts, plaintext);
        Ok(())
    }

    fn decrypt(&mut self, ciphertext: &mut TmpBuf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let opened = self.0.open_in_place(nonce, aead::Aad::from(&*aad), ciphertext.as_mut());
        let length = opened.map(|plaintext| plaintext.len());
        Tally::count(length.is_ok());
        ciphertext.truncate(length.map_err(|_| CryptoError::OperationFailed(CryptoOperation::Decrypt))?);
        Ok(())
    }
}

/// Records that this thread has tried to decrypt. dimpl discards bad records and reports no error, so these counts tell
/// whether it accepted a datagram.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::transport::dtls) struct Tally {
    /// Records that were authentic.
    pub(in crate::transport::dtls) opened: u64,
    /// Records that were not.
    pub(in crate::transport::dtls) forged: u64,
}

impl Tally {
    /// All so far.
    pub(in crate::transport::dtls) fn now() -> Self {
        TALLY.get()
    }

    /// Those since `before`.
    pub(in crate::transport::dtls) fn since(before: Self) -> Self {
        let now = Self::now();
        Self { opened: now.opened - before.opened, forged: now.forged - before.forged }
    }

    fn count(authentic: bool) {
        let Self { opened, forged } = TALLY.get();
        TALLY.set(Self { opened: opened + u64::from(authentic), forged: forged + u64::from(!authentic) });
    }
}

thread_local! {
    static TALLY: Cell<Tally> = const { Cell::new(Tally { opened: 0, forged: 0 }) };
}
