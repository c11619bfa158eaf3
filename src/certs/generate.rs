//! Keys and certificate parameters.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

/// Certificates are valid from this long before their creation, because clocks differ.
pub(super) const BACKDATE: Duration = Duration::from_secs(24 * 3600);

/// Generates an Ed25519 key.
pub(super) fn key() -> Result<KeyPair, rcgen::Error> {
    let seed = ring::rand::generate(&ring::rand::SystemRandom::new());
    key_of(seed.map_err(|_| rcgen::Error::RingUnspecified)?.expose())
}

/// The Ed25519 key of a seed (RFC 8032 section 5.1.5) in PKCS#8 version 1 (RFC 8410 section 7). ring itself writes
/// version 2, which OpenSSL 3.0 cannot read.
pub(super) fn key_of(seed: [u8; 32]) -> Result<KeyPair, rcgen::Error> {
    const PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    KeyPair::try_from([&PREFIX[..], &seed].concat())
}

/// Generates an ECDSA key on P-256, for DTLS.
pub(super) fn p256_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
}

/// The ECDSA key on P-256 with the private key `scalar`, encoded as ring does: PKCS#8 with the public key (RFC 5915).
pub(super) fn p256_key_of(scalar: [u8; 32]) -> Result<KeyPair, rcgen::Error> {
    const PREFIX: [u8; 36] = [
        0x30, 0x81, 0x87, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x6d, 0x30, 0x6b, 2, 1, 1, 4, 0x20,
    ];
    const BEFORE_PUBLIC: [u8; 5] = [0xa1, 0x44, 3, 0x42, 0];
    let private = p256::ecdsa::SigningKey::from_slice(&scalar);
    let private = private.map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let public = private.verifying_key().to_sec1_point(false);
    KeyPair::try_from([&PREFIX[..], &scalar, &BEFORE_PUBLIC, public.as_bytes()].concat())
}

/// Parameters of a CA that signs only end-entity certificates.
pub(super) fn ca_params(now: Duration, validity: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = params(&[], "wirelab test CA", now, validity)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    Ok(params)
}

/// Parameters of a server certificate for `names`.
pub(super) fn server_params(
    names: &[String],
    now: Duration,
    validity: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    params(names, "wirelab server", now, validity)
}

/// Adds the key usages that strict verifiers, such as browsers, require of a CA.
pub(super) fn restrict_ca(params: &mut CertificateParams) {
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
}

/// Adds the key usages and the authority key identifier that strict verifiers require of a server.
pub(super) fn restrict_server(params: &mut CertificateParams) {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
}

fn params(
    names: &[String],
    common_name: &str,
    now: Duration,
    validity: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date(now.saturating_sub(BACKDATE));
    params.not_after = date(now + validity);
    Ok(params)
}

fn date(since_epoch: Duration) -> OffsetDateTime {
    i64::try_from(since_epoch.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
