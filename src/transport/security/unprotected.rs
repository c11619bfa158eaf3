//! QUIC packets without encryption, for simulations in which nothing reads or alters their bytes.
//!
//! It has the interface of QUIC packet protection (RFC 9001 section 5) and the lengths of AES-128-GCM, but encrypts
//! neither packets nor headers. The tag of a packet consists of its key and its nonce. So a packet opens only with the
//! key and the packet number with which it was sealed, as with real protection. Encryption would be a large part of the
//! work of a simulated run.

use std::sync::{Arc, LazyLock};

use rustls::{
    CipherSuite, Error, SupportedCipherSuite, Tls13CipherSuite,
    crypto::{
        CipherSuiteCommon, CryptoProvider,
        cipher::{AeadKey, Iv, Nonce},
        ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
    },
    quic::{Algorithm, HeaderProtectionKey, PacketKey, Tag},
};

/// The [provider](super::simulated::PROVIDER) for virtual time, whose QUIC suite does not encrypt packets.
pub(super) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = (**super::simulated::PROVIDER).clone();
    for suite in &mut provider.cipher_suites {
        if suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256 {
            *suite = SupportedCipherSuite::Tls13(&SUITE);
        }
    }
    Arc::new(provider)
});

/// TLS_AES_128_GCM_SHA256 without packet protection. Both ends prefer this suite.
static SUITE: LazyLock<Tls13CipherSuite> = LazyLock::new(|| {
    let real = TLS13_AES_128_GCM_SHA256.tls13().expect("a suite of TLS 1.3");
    let CipherSuiteCommon { suite, hash_provider, confidentiality_limit } = real.common;
    Tls13CipherSuite {
        common: CipherSuiteCommon { suite, hash_provider, confidentiality_limit },
        quic: Some(&Unprotected),
        ..*real
    }
});

/// The lengths of AES-128-GCM (RFC 9001 sections 5.3 and 5.4.2).
const KEY_LEN: usize = 16;
const TAG_LEN: usize = 16;
const SAMPLE_LEN: usize = 16;

struct Unprotected;

impl Algorithm for Unprotected {
    fn packet_key(&self, key: AeadKey, iv: Iv) -> Box<dyn PacketKey> {
        let Nonce(iv) = Nonce::new(&iv, 0);
        let mut secrets = iv.iter().chain(key.as_ref());
        let first_tag = std::array::from_fn(|_| secrets.next().copied().unwrap_or_default());
        Box::new(UnprotectedPackets { first_tag: u128::from_be_bytes(first_tag) })
    }

    fn header_protection_key(&self, _: AeadKey) -> Box<dyn HeaderProtectionKey> {
        Box::new(UnprotectedHeaders)
    }

    fn aead_key_len(&self) -> usize {
        KEY_LEN
    }
}

struct UnprotectedPackets {
    /// The tag of packet number 0, in network byte order: the nonce, which is the IV, and the first bytes of the key.
    first_tag: u128,
}

impl UnprotectedPackets {
    /// A tag that differs for each key and packet number. As in a nonce, the packet number is combined with the last 8
    /// of the first 12 bytes (RFC 9001 section 5.3).
    fn tag(&self, packet_number: u64) -> [u8; TAG_LEN] {
        (self.first_tag ^ u128::from(packet_number) << 32).to_be_bytes()
    }
}

impl PacketKey for UnprotectedPackets {
    fn encrypt_in_place(&self, packet_number: u64, _: &[u8], _: &mut [u8]) -> Result<Tag, Error> {
        Ok(Tag::from(&self.tag(packet_number)[..]))
    }

    fn decrypt_in_place<'a>(
        &self,
        packet_number: u64,
        _: &[u8],
        payload: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        match payload.split_last_chunk() {
            Some((plaintext, tag)) if *tag == self.tag(packet_number) => Ok(plaintext),
            _ => Err(Error::DecryptError),
        }
    }

    fn tag_len(&self) -> usize {
        TAG_LEN
    }

    /// The limit of AES-128-GCM (RFC 9001 section 6.6).
    fn confidentiality_limit(&self) -> u64 {
        1 << 23
    }

    /// The limit of AES-128-GCM (RFC 9001 section 6.6).
    fn integrity_limit(&self) -> u64 {
        1 << 52
    }
}

struct UnprotectedHeaders;

impl HeaderProtectionKey for UnprotectedHeaders {
    fn encrypt_in_place(&self, _: &[u8], _: &mut u8, _: &mut [u8]) -> Result<(), Error> {
        Ok(())
    }

    fn decrypt_in_place(&self, _: &[u8], _: &mut u8, _: &mut [u8]) -> Result<(), Error> {
        Ok(())
    }

    fn sample_len(&self) -> usize {
        SAMPLE_LEN
    }
}

#[cfg(test)]
mod tests {
    use rustls::{
        Side,
        quic::{DirectionalKeys, Keys, Version},
    };

    use super::*;

    fn keys(connection: &[u8]) -> Keys {
        SUITE.quic_suite().unwrap().keys(connection, Side::Client, Version::V1)
    }

    #[test]
    fn lengths_and_limits_are_those_of_the_real_suite() {
        let real = TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
        assert_eq!(SUITE.quic.unwrap().aead_key_len(), real.quic.aead_key_len());
        let (real, unprotected) = (real.keys(b"id", Side::Client, Version::V1).local, keys(b"id").local);
        assert_eq!(unprotected.packet.tag_len(), real.packet.tag_len());
        assert_eq!(unprotected.packet.confidentiality_limit(), real.packet.confidentiality_limit());
        assert_eq!(unprotected.packet.integrity_limit(), real.packet.integrity_limit());
        assert_eq!(unprotected.header.sample_len(), real.header.sample_len());
    }

    #[test]
    fn only_the_same_key_and_packet_number_open_a_packet() {
        let Keys { local, remote } = keys(b"id");
        let mut packet = b"plaintext".to_vec();
        let tag = local.packet.encrypt_in_place(7, b"header", &mut packet).unwrap();
        packet.extend_from_slice(tag.as_ref());
        let opens = |key: &DirectionalKeys, number| {
            key.packet
                .decrypt_in_place(number, b"header", &mut packet.clone())
                .is_ok_and(|text| text == b"plaintext")
        };
        assert!(opens(&local, 7));
        assert!(!opens(&local, 8));
        assert!(!opens(&remote, 7));
        assert!(!opens(&keys(b"other id").local, 7));
        assert!(local.packet.decrypt_in_place(7, b"header", &mut [0; 15]).is_err());
    }

    #[test]
    fn it_offers_the_suites_of_the_other_provider_in_the_same_order() {
        let names = |provider: &CryptoProvider| -> Vec<CipherSuite> {
            provider.cipher_suites.iter().map(SupportedCipherSuite::suite).collect()
        };
        assert_eq!(names(&PROVIDER), names(&super::super::PROVIDER));
        assert_eq!(names(&PROVIDER)[0], SUITE.common.suite);
    }
}
