//! Certificates of constant length that live as long as the process, for experiments.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use rcgen::{CertifiedIssuer, CustomExtension, KeyPair};
use rustls::{
    RootCertStore,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::{CertsError, generate};
use crate::{
    transport::tls::{Identity, Leaf},
    unit::random,
};

/// The server name in the ephemeral certificates.
pub const EPHEMERAL_NAME: &str = "wirelab.test";

/// The object identifier of the padding extension, under the enterprise number for examples (RFC 5612).
const PADDING: [u64; 8] = [1, 3, 6, 1, 4, 1, 32473, 1];

/// Valid at the simulator's clock and at any real one.
const START: Duration = generate::BACKDATE;
const VALIDITY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A server's identity, and the CA that signed it.
type Signed = (Identity, Arc<RootCertStore>);

/// The identity and the CA of this process. Their lengths are the same in every process, because serial numbers, names
/// and dates are constant; only keys and signatures differ.
///
/// Returns an error if the system provides no randomness for the keys.
pub fn ephemeral() -> Result<Signed, CertsError> {
    ephemeral_of(0, true)
}

/// Like [`ephemeral`], but pads server certificates that are shorter than `bytes` to about that length. The second
/// certificate, with a P-256 key, is made only if `p256` is set.
///
/// Fails like [`ephemeral`].
pub fn ephemeral_of(bytes: usize, p256: bool) -> Result<Signed, CertsError> {
    static MADE: Made = Made::new();
    MADE.get(bytes, p256, &Keys { ed25519: generate::key, p256: generate::p256_key })
}

/// Like [`ephemeral_of`], but with the same keys in every process, so that simulations are reproducible to the byte.
/// The keys are not secret.
///
/// Fails like [`ephemeral`].
pub(crate) fn simulated(bytes: usize, p256: bool) -> Result<Signed, CertsError> {
    static MADE: Made = Made::new();
    let ed25519 = || generate::key_of(random::key(0, ED25519_KEY));
    let p256_key = || generate::p256_key_of(random::key(0, P256_KEY));
    MADE.get(bytes, p256, &Keys { ed25519, p256: p256_key })
}

/// Streams of the random generator for the keys of [`simulated`].
const ED25519_KEY: u64 = 0x4345_5254;
const P256_KEY: u64 = ED25519_KEY + 1;

/// Functions that generate the keys.
struct Keys {
    ed25519: fn() -> Result<KeyPair, rcgen::Error>,
    p256: fn() -> Result<KeyPair, rcgen::Error>,
}

/// Identities without padding: one with a P-256 key, and one without.
struct Made([OnceLock<Result<Signed, String>>; 2]);

impl Made {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; 2])
    }

    fn get(&self, bytes: usize, p256: bool, keys: &Keys) -> Result<Signed, CertsError> {
        let plain =
            self.0[usize::from(p256)].get_or_init(|| create(0, p256, keys).map_err(|e| e.to_string()));
        let plain = plain.clone().map_err(CertsError::Ephemeral)?;
        let length = plain.0.chain.first().map_or(0, |certificate| certificate.len());
        match bytes.checked_sub(length) {
            None | Some(0) => Ok(plain),
            Some(padding) => create(padding, p256, keys),
        }
    }
}

/// Creates an identity whose certificates hold `padding` extra bytes, plus the extension's own overhead.
fn create(padding: usize, p256: bool, keys: &Keys) -> Result<Signed, CertsError> {
    let mut ca_params = generate::ca_params(START, VALIDITY)?;
    ca_params.serial_number = Some(1u64.into());
    let ca = CertifiedIssuer::self_signed(ca_params, (keys.ed25519)()?)?;
    let server = leaf(&ca, (keys.ed25519)()?, 2, padding)?;
    let p256 = p256.then(|| leaf(&ca, (keys.p256)()?, 3, padding)).transpose()?;
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).map_err(|e| CertsError::Ephemeral(e.to_string()))?;
    let identity = Identity { chain: vec![server.certificate], key: server.key, p256 };
    Ok((identity, Arc::new(roots)))
}

/// A server certificate of `key`, with this serial number and so many bytes of padding.
fn leaf(
    ca: &CertifiedIssuer<'_, KeyPair>,
    key: KeyPair,
    serial: u64,
    padding: usize,
) -> Result<Leaf, CertsError> {
    let mut params = generate::server_params(&[EPHEMERAL_NAME.to_owned()], START, VALIDITY)?;
    params.serial_number = Some(serial.into());
    if padding > 0 {
        let extension = CustomExtension::from_oid_content(&PADDING, vec![0; padding]);
        params.custom_extensions.push(extension);
    }
    let certificate = params.signed_by(&key, ca)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Leaf { certificate: certificate.der().clone(), key })
}
