//! A folder of certificates.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::Duration,
};

use rcgen::{CertifiedIssuer, Issuer, KeyPair};

use super::{CertsError, Description, files, generate};
use crate::transport::{
    self,
    tls::{Identity, Leaf},
};

/// The names in a server certificate by default.
pub const DEFAULT_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server.key";
/// A second server certificate, for DTLS.
const DTLS: &str = "dtls.pem";
const DTLS_KEY: &str = "dtls.key";
/// The key that both ends of signed UDP know.
const SHARED_KEY: &str = "hmac.key";
const LOCK: &str = ".lock";

const CA_VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Browsers reject server certificates with a longer validity.
const SERVER_VALIDITY: Duration = Duration::from_secs(397 * 24 * 3600);

/// A folder of certificates: `ca.pem`, `ca.key`, `server.pem`, `server.key`, and `dtls.pem`, `dtls.key` for DTLS; and a
/// shared key, `hmac.key`.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The certificates in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Whether the folder holds a server certificate and its key.
    fn has_certificates(&self) -> bool {
        self.path(SERVER).exists() && self.path(SERVER_KEY).exists()
    }

    /// Whether the folder holds what DTLS needs, or lacks the CA's key, without which it cannot be made.
    fn has_dtls(&self) -> bool {
        self.path(DTLS).exists() && self.path(DTLS_KEY).exists() || !self.path(CA_KEY).exists()
    }

    /// The file of the key that both ends of signed UDP know.
    pub fn shared_key_file(&self) -> PathBuf {
        self.path(SHARED_KEY)
    }

    /// The CA certificate's file, which clients verify servers against.
    pub fn ca_file(&self) -> PathBuf {
        self.path(CA)
    }

    /// Creates the certificates if they do not exist, and returns whether it did. Only their owner can read the keys.
    /// Processes that call this at the same time end up with one set.
    ///
    /// Returns an error if the certificates cannot be generated or written.
    pub fn ensure(&self, names: &[String], now: Duration) -> Result<bool, CertsError> {
        if self.has_certificates() && self.has_dtls() && self.shared_key_file().exists() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        if !self.shared_key_file().exists() {
            self.create_shared_key()?;
        }
        if !self.has_certificates() {
            self.create(names, now)?;
            return Ok(true);
        }
        if !self.has_dtls() {
            let names = files::describe(&self.path(SERVER))?.names;
            self.create_dtls(&names, now, &self.issuer(now)?)?;
        }
        Ok(false)
    }

    /// Replaces the CA, the server certificate and the shared key by new ones.
    ///
    /// Returns an error if the certificates cannot be generated or written.
    pub fn renew(&self, names: &[String], now: Duration) -> Result<(), CertsError> {
        let _lock = self.lock()?;
        self.create_shared_key()?;
        self.create(names, now)
    }

    /// Reads the server's certificate chain and key. Returns an error if a file is missing or invalid, or if the key is
    /// not the certificate's.
    pub fn identity(&self) -> Result<Identity, CertsError> {
        let has_p256 = self.path(DTLS).exists() && self.path(DTLS_KEY).exists();
        let identity = Identity {
            chain: files::read_certificates(&self.path(SERVER))?,
            key: files::read_key(&self.path(SERVER_KEY))?,
            p256: has_p256.then(|| self.p256()).transpose()?,
        };
        identity.check().map_err(|_| {
            let reason = format!("it is not the key of {SERVER}; wirelab certs --renew makes new ones");
            CertsError::content("private key", &self.path(SERVER_KEY), reason)
        })?;
        Ok(identity)
    }

    fn p256(&self) -> Result<Leaf, CertsError> {
        let certificate = files::read_certificates(&self.path(DTLS))?.swap_remove(0);
        Ok(Leaf { certificate, key: files::read_key(&self.path(DTLS_KEY))? })
    }

    /// Describes the CA's certificate, the server's, and the one for DTLS if there is one, in this order.
    ///
    /// Returns an error if a file is missing or invalid.
    pub fn describe(&self) -> Result<Vec<Description>, CertsError> {
        let mut files = vec![CA, SERVER];
        files.extend(Some(DTLS).filter(|file| self.path(file).exists()));
        files.into_iter().map(|file| files::describe(&self.path(file))).collect()
    }

    fn create(&self, names: &[String], now: Duration) -> Result<(), CertsError> {
        let mut ca_params = generate::ca_params(now, CA_VALIDITY)?;
        generate::restrict_ca(&mut ca_params);
        let ca = CertifiedIssuer::self_signed(ca_params, generate::key()?)?;
        let mut server_params = generate::server_params(names, now, SERVER_VALIDITY)?;
        generate::restrict_server(&mut server_params);
        let key = generate::key()?;
        let server = server_params.signed_by(&key, &ca)?;

        files::write(&self.path(CA_KEY), ca.key().serialize_pem().as_bytes(), 0o600)?;
        files::write(&self.path(CA), ca.pem().as_bytes(), 0o644)?;
        self.create_dtls(names, now, &ca)?;
        files::write(&self.path(SERVER), server.pem().as_bytes(), 0o644)?;
        // Written last: its existence tells other processes that the set is complete.
        files::write(&self.path(SERVER_KEY), key.serialize_pem().as_bytes(), 0o600)
    }

    fn create_dtls(
        &self,
        names: &[String],
        now: Duration,
        ca: &Issuer<'_, KeyPair>,
    ) -> Result<(), CertsError> {
        let mut params = generate::server_params(names, now, SERVER_VALIDITY)?;
        generate::restrict_server(&mut params);
        let key = generate::p256_key()?;
        let certificate = params.signed_by(&key, ca)?;
        files::write(&self.path(DTLS), certificate.pem().as_bytes(), 0o644)?;
        files::write(&self.path(DTLS_KEY), key.serialize_pem().as_bytes(), 0o600)
    }

    /// The CA that exists, to sign one more certificate. Its names are those of every CA that we make.
    fn issuer(&self, now: Duration) -> Result<Issuer<'static, KeyPair>, CertsError> {
        let path = self.path(CA_KEY);
        let pem = fs::read_to_string(&path).map_err(|e| CertsError::file("read", &path, e))?;
        let key = KeyPair::from_pem(&pem).map_err(|e| CertsError::content("private key", &path, e))?;
        Ok(Issuer::new(generate::ca_params(now, CA_VALIDITY)?, key))
    }

    fn create_shared_key(&self) -> Result<(), CertsError> {
        let key = transport::generate_key().map_err(|_| CertsError::Randomness)?;
        files::write(&self.shared_key_file(), format!("{key}\n").as_bytes(), 0o600)
    }

    fn lock(&self) -> Result<File, CertsError> {
        fs::create_dir_all(&self.folder).map_err(|e| CertsError::file("create", &self.folder, e))?;
        let path = self.path(LOCK);
        let lock = File::create(&path).map_err(|e| CertsError::file("create", &path, e))?;
        lock.lock().map_err(|e| CertsError::file("lock", &path, e))?;
        Ok(lock)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
