//! Certificates: a CA and a server certificate that it signed, on disk or for one process only.
//!
//! Ed25519 throughout: its signatures have one length, so that handshakes of one kind take the same bytes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
};
use time::OffsetDateTime;

use crate::transport::tls::Identity;

/// The names that a server certificate bears unless told otherwise.
pub const DEFAULT_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server.key";
const LOCK: &str = ".lock";

const CA_VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Browsers accept no server certificate that is valid for longer than this.
const SERVER_VALIDITY: Duration = Duration::from_secs(397 * 24 * 3600);
/// Clocks differ: a certificate is valid from a little before it was made.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);

/// Certificates could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// A file could not be read or written.
    #[error("cannot {operation} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no usable {what}: {reason}", path = path.display())]
    Content {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl CertsError {
    /// A server name that is none.
    pub(crate) fn name(name: &str) -> Self {
        content("server name", Path::new("memory"), name)
    }
}

/// A folder of certificates: `ca.pem`, `ca.key`, `server.pem`, `server.key`.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The file it is in.
    pub file: PathBuf,
    /// Its subject.
    pub subject: String,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// The last instant at which it is valid, as time since the Unix epoch.
    pub expires: Duration,
}

impl Store {
    /// The certificates in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Whether a server certificate is there.
    pub fn exists(&self) -> bool {
        self.path(SERVER).exists() && self.path(SERVER_KEY).exists()
    }

    /// The file that clients verify servers against.
    pub fn ca_file(&self) -> PathBuf {
        self.path(CA)
    }

    /// Makes what is missing; `true` if anything was. Keys are readable by the owner only. Two programs that do
    /// this at once agree on one set.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written.
    pub fn ensure(&self, names: &[String], now: Duration) -> Result<bool, CertsError> {
        if self.exists() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        if self.exists() {
            return Ok(false);
        }
        self.write(names, now)?;
        Ok(true)
    }

    /// Makes a new CA and a new server certificate in place of what is there.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written.
    pub fn renew(&self, names: &[String], now: Duration) -> Result<(), CertsError> {
        let _lock = self.lock()?;
        self.write(names, now)
    }

    /// The server's certificate and key.
    ///
    /// # Errors
    ///
    /// Where a file is missing or holds something else.
    pub fn identity(&self) -> Result<Identity, CertsError> {
        let chain = read_certificates(&self.path(SERVER))?;
        let file = self.path(SERVER_KEY);
        let key = PrivateKeyDer::from_pem_file(&file).map_err(|e| content("private key", &file, e))?;
        Ok(Identity { chain, key })
    }

    /// The CA's and the server's certificate, described.
    ///
    /// # Errors
    ///
    /// Where a file is missing or holds something else.
    pub fn describe(&self) -> Result<Vec<Description>, CertsError> {
        [CA, SERVER].into_iter().map(|file| describe(&self.path(file))).collect()
    }

    fn write(&self, names: &[String], now: Duration) -> Result<(), CertsError> {
        let made = Made::new(names, now, CA_VALIDITY, SERVER_VALIDITY)?;
        write_file(&self.path(CA_KEY), made.ca.key().serialize_pem().as_bytes(), 0o600)?;
        write_file(&self.path(CA), made.ca.pem().as_bytes(), 0o644)?;
        write_file(&self.path(SERVER), made.server.pem().as_bytes(), 0o644)?;
        // Last, because it is what tells others that the set is complete.
        write_file(&self.path(SERVER_KEY), made.key.serialize_pem().as_bytes(), 0o600)
    }

    fn lock(&self) -> Result<File, CertsError> {
        fs::create_dir_all(&self.folder).map_err(|e| file("create", &self.folder, e))?;
        let path = self.path(LOCK);
        let lock = File::create(&path).map_err(|e| file("write", &path, e))?;
        lock.lock().map_err(|e| file("lock", &path, e))?;
        Ok(lock)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A CA, and a server certificate that it signed.
struct Made {
    ca: CertifiedIssuer<'static, KeyPair>,
    server: rcgen::Certificate,
    key: KeyPair,
}

impl Made {
    fn new(
        names: &[String],
        now: Duration,
        ca_validity: Duration,
        server_validity: Duration,
    ) -> Result<Self, rcgen::Error> {
        let mut params = params(&[], "wirelab test CA", now, ca_validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(params, generate_key()?)?;

        let mut params = self::params(names, "wirelab server", now, server_validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = generate_key()?;
        let server = params.signed_by(&key, &ca)?;
        Ok(Self { ca, server, key })
    }
}

/// A new Ed25519 key as PKCS#8 version 1 (RFC 8410 section 7). ring, left to itself, writes version 2, which OpenSSL
/// 3.0 and what builds on it do not read.
fn generate_key() -> Result<KeyPair, rcgen::Error> {
    const PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let seed: [u8; 32] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| rcgen::Error::RingUnspecified)?
        .expose();
    KeyPair::try_from([&PREFIX[..], &seed].concat())
}

fn params(
    names: &[String],
    common_name: &str,
    now: Duration,
    validity: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
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

/// An identity and its CA that live as long as this process. All its certificates have the same length in
/// every process: serial numbers, names and dates are set, and only keys and signatures differ.
///
/// # Errors
///
/// Where the system gives no randomness for the keys.
pub fn ephemeral() -> Result<(Identity, Arc<RootCertStore>), CertsError> {
    static PAIR: LazyLock<Result<(Identity, Arc<RootCertStore>), String>> =
        LazyLock::new(|| make_ephemeral(0).map_err(|e| e.to_string()));
    PAIR.clone().map_err(|reason| content("certificate", Path::new("memory"), reason))
}

/// [`ephemeral`], with a server certificate of about `bytes` bytes where that is more than it takes.
///
/// # Errors
///
/// As [`ephemeral`].
pub fn ephemeral_of(bytes: usize) -> Result<(Identity, Arc<RootCertStore>), CertsError> {
    let plain = ephemeral()?;
    let length = plain.0.chain.first().map_or(0, |certificate| certificate.len());
    match bytes.checked_sub(length) {
        None | Some(0) => Ok(plain),
        Some(more) => make_ephemeral(more),
    }
}

/// The name that the ephemeral certificate bears.
pub const EPHEMERAL_NAME: &str = "wirelab.test";

/// An extension that nobody knows and nobody has to, under a private enterprise number for examples (RFC 5612).
const PADDING: [u64; 8] = [1, 3, 6, 1, 4, 1, 32473, 1];

/// A certificate with `padding` more bytes than it takes, but for the few that name them.
fn make_ephemeral(padding: usize) -> Result<(Identity, Arc<RootCertStore>), CertsError> {
    // Valid at the simulation's clock and at any that a machine may reasonably have.
    let (start, century) = (BACKDATE, Duration::from_secs(100 * 365 * 24 * 3600));
    let mut ca_params = params(&[], "wirelab test CA", start, century)?;
    ca_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca_params.serial_number = Some(1u64.into());
    let ca = CertifiedIssuer::self_signed(ca_params, generate_key()?)?;
    let names = [EPHEMERAL_NAME.to_owned()];
    let mut server_params = params(&names, "wirelab server", start, century)?;
    server_params.serial_number = Some(2u64.into());
    if padding > 0 {
        let extension = CustomExtension::from_oid_content(&PADDING, vec![0; padding]);
        server_params.custom_extensions.push(extension);
    }
    let key = generate_key()?;
    let server = server_params.signed_by(&key, &ca)?;

    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).map_err(|e| content("CA certificate", Path::new("memory"), e))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((Identity { chain: vec![server.der().clone()], key }, Arc::new(roots)))
}

/// The CA certificates in a PEM file.
///
/// # Errors
///
/// Where the file cannot be read or holds no certificate.
pub fn roots(path: &Path) -> Result<Arc<RootCertStore>, CertsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).map_err(|e| content("CA certificate", path, e))?;
    }
    Ok(Arc::new(roots))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertsError> {
    let pem = fs::read(path).map_err(|e| file("read", path, e))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|e| content("certificate", path, e))?;
    if certificates.is_empty() {
        return Err(content("certificate", path, "there is none in it"));
    }
    Ok(certificates)
}

fn describe(path: &Path) -> Result<Description, CertsError> {
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
    let certificates = read_certificates(path)?;
    let first = certificates.first().map(|der| der.as_ref()).unwrap_or_default();
    let (_, certificate) = X509Certificate::from_der(first).map_err(|e| content("certificate", path, e))?;
    let names = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| extension.value.general_names.iter())
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    let expires = certificate.validity().not_after.timestamp();
    Ok(Description {
        file: path.to_owned(),
        subject: certificate.subject().to_string(),
        names,
        expires: Duration::from_secs(u64::try_from(expires).unwrap_or(0)),
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

/// Writes a file whole or not at all, with `mode` from its first byte on.
fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CertsError> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&draft)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|e| {
        let _ = fs::remove_file(&draft);
        file("write", path, e)
    })
}

fn file(operation: &'static str, path: &Path, source: io::Error) -> CertsError {
    CertsError::File { operation, path: path.to_owned(), source }
}

fn content(what: &'static str, path: &Path, reason: impl ToString) -> CertsError {
    CertsError::Content { what, path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn names() -> Vec<String> {
        DEFAULT_NAMES.map(str::to_owned).to_vec()
    }

    #[test]
    fn what_is_missing_is_made_once_and_described() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("certs"));
        assert!(store.ensure(&names(), NOW).unwrap());
        let first = fs::read(store.path(SERVER)).unwrap();
        assert!(!store.ensure(&names(), NOW).unwrap(), "the second time there is nothing to do");
        assert_eq!(fs::read(store.path(SERVER)).unwrap(), first);

        let described = store.describe().unwrap();
        assert_eq!(described[1].names, DEFAULT_NAMES);
        assert_eq!(described[1].expires, NOW + SERVER_VALIDITY);
        assert!(described[0].subject.contains("CA"));
    }

    #[test]
    fn keys_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.ensure(&names(), NOW).unwrap();
        for key in [CA_KEY, SERVER_KEY] {
            let mode = fs::metadata(store.path(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn programs_that_make_them_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let made: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Store::new(folder.path()).ensure(&names(), NOW).unwrap()))
                .collect();
            threads.into_iter().map(|t| usize::from(t.join().unwrap())).sum()
        });
        assert_eq!(made, 1);
        Store::new(folder.path()).identity().unwrap();
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.pem");
        fs::write(&path, "nothing").unwrap();
        let error = roots(&path).unwrap_err().to_string();
        assert!(error.contains("empty.pem") && error.contains("there is none in it"), "{error}");
    }
}
