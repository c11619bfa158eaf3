//! TLS 1.3 configuration for the transports that use it: identity, trust, clock and resumable sessions (RFC 8446).

mod sessions;
mod simulated;
mod unprotected;
mod verdict;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use rustls::{
    CipherSuite, ClientConfig, KeyLog, RootCertStore, ServerConfig,
    client::danger::ServerCertVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    time_provider::TimeProvider,
};

pub(super) use self::simulated::X25519KeyPair;
pub use self::{sessions::Sessions, verdict::CertificateVerdict};
use crate::path::Host;

/// The application protocol of messages and of experiments (RFC 7301).
pub(crate) const ALPN: &[u8] = b"wirelab";

/// What a server proves itself with: a certificate chain and the key of its first certificate.
#[derive(Debug)]
pub struct Identity {
    /// The server's certificate first, then those that sign it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
    /// For DTLS, which cannot use the first one.
    pub p256: Option<Leaf>,
}

/// A certificate of an ECDSA key on P-256, and the key. Its signer is the one that clients trust.
#[derive(Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Checks that the key is the certificate's.
    ///
    /// Returns an error if it is not, or is of no kind that TLS 1.3 uses.
    pub(crate) fn check(&self) -> Result<(), rustls::Error> {
        let Self { chain, key, .. } = self.clone();
        rustls::sign::CertifiedKey::from_der(chain, key, &PROVIDER)?.keys_match()
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key(), p256: self.p256.clone() }
    }
}

impl Clone for Leaf {
    fn clone(&self) -> Self {
        Self { certificate: self.certificate.clone(), key: self.key.clone_key() }
    }
}

/// Which servers a client trusts.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Servers whose certificate is signed by one of these.
    Roots(Arc<RootCertStore>),
    /// Any server. Only on explicit request.
    Anyone,
}

/// A client's side of TLS.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// Which servers to trust.
    pub trust: Trust,
    /// The name that the server's certificate must be valid for.
    pub server_name: ServerName<'static>,
    /// Send early data on resumed sessions (0-RTT).
    pub early_data: bool,
    /// Sessions to resume. `None`: those of one configuration only.
    pub sessions: Option<Sessions>,
    /// Where secrets are logged.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// Why a server's certificate was refused. Clones share it.
    pub verdict: CertificateVerdict,
}

/// A server's side of TLS.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// The server's certificate and key.
    pub identity: Identity,
    /// Accept early data (0-RTT). It can be replayed (RFC 8446 section 8).
    pub early_data: bool,
    /// Where secrets are logged.
    pub key_log: Option<Arc<dyn KeyLog>>,
}

/// AES-128-GCM first: handshakes are faster, because AES-256 comes with SHA-384 in software.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
});

impl ClientTls {
    /// Logs secrets to `key_log` too.
    pub(crate) fn log_to(&mut self, key_log: Arc<dyn KeyLog>) {
        self.key_log = Some(match self.key_log.take() {
            Some(first) => Arc::new(BothKeyLogs([first, key_log])),
            None => key_log,
        });
    }

    /// A configuration with the host's clock. Connections that share it, or its [`Sessions`], resume each other's
    /// sessions.
    ///
    /// Returns an error if the cryptographic provider does not support TLS 1.3.
    pub fn config(&self, host: &Arc<dyn Host>) -> Result<ClientConfig, rustls::Error> {
        let mut config = match &self.sessions {
            Some(sessions) => sessions.config(|| self.new_config(host))?,
            None => self.new_config(host)?,
        };
        config.enable_early_data = self.early_data;
        Ok(config)
    }

    /// Verifies the certificate of a server that sends no others.
    pub(super) fn verify(&self, certificate: &[u8], host: &dyn Host) -> Result<(), rustls::Error> {
        self.verifier()?
            .verify_server_cert(
                &certificate.into(),
                &[],
                &self.server_name,
                &[],
                UnixTime::since_unix_epoch(host.unix_time()),
            )
            .map(drop)
    }

    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        let roots = match &self.trust {
            Trust::Roots(roots) => Some(roots.clone()),
            Trust::Anyone => None,
        };
        self.verdict.of(roots, PROVIDER.clone())
    }

    fn new_config(&self, host: &Arc<dyn Host>) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_details(provider(host, self.key_log.as_ref()), clock(host))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let mut config =
            builder.dangerous().with_custom_certificate_verifier(self.verifier()?).with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        if let Some(key_log) = &self.key_log {
            config.key_log = key_log.clone();
        }
        Ok(config)
    }
}

#[derive(Debug)]
struct BothKeyLogs([Arc<dyn KeyLog>; 2]);

impl KeyLog for BothKeyLogs {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.0.iter().for_each(|key_log| key_log.log(label, client_random, secret));
    }
}

impl ServerTls {
    /// A configuration with the host's clock. Returns an error if the key does not match the certificate.
    pub fn config(&self, host: &Arc<dyn Host>) -> Result<ServerConfig, rustls::Error> {
        let Identity { chain, key, .. } = self.identity.clone();
        let mut config =
            ServerConfig::builder_with_details(provider(host, self.key_log.as_ref()), clock(host))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_no_client_auth()
                .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // QUIC allows only 0 and this value (RFC 9001 section 4.6.1).
        config.max_early_data_size = if self.early_data { u32::MAX } else { 0 };
        // Reply to early requests at once, not one round trip later.
        config.send_half_rtt_data = self.early_data;
        if let Some(key_log) = &self.key_log {
            config.key_log = key_log.clone();
        }
        Ok(config)
    }
}

/// The cryptography of `host`. In virtual time, QUIC packets are encrypted only if the path needs it, or if `key_log`
/// records the secrets for another program, which then decrypts them.
fn provider(host: &Arc<dyn Host>, key_log: Option<&Arc<dyn KeyLog>>) -> Arc<CryptoProvider> {
    match host.randomness() {
        None => PROVIDER.clone(),
        Some(_) if host.needs_encryption() || key_log.is_some() => simulated::PROVIDER.clone(),
        Some(_) => unprotected::PROVIDER.clone(),
    }
}

fn clock(host: &Arc<dyn Host>) -> Arc<dyn TimeProvider> {
    Arc::new(HostClock(host.clone()))
}

/// The host's clock, for the lifetimes of tickets and tokens.
pub(super) struct HostClock(pub(super) Arc<dyn Host>);

impl TimeProvider for HostClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0.unix_time()))
    }
}

impl quinn::TimeSource for HostClock {
    fn now(&self) -> web_time::SystemTime {
        web_time::UNIX_EPOCH + self.0.unix_time()
    }
}

impl fmt::Debug for HostClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostClock").finish()
    }
}
