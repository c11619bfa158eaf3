//! Keys and certificate parameters.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

/// Certificates are valid from this long before their creation, because clocks differ.
pub(super) const BACKDATE: Duration = Duration::from_secs(24 * 3600);

/// Generates an Ed25519 key in PKCS#8 version 1 (RFC 8410 section 7). ring itself writes version 2, which OpenSSL 3.0
/// cannot read.
pub(super) fn key() -> Result<KeyPair, rcgen::Error> {
    const PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let seed: [u8; 32] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| rcgen::Error::RingUnspecified)?
        .expose();
    KeyPair::try_from([&PREFIX[..], &seed].concat())
}

/// Generates an ECDSA key on P-256, for DTLS.
pub(super) fn p256_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
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
