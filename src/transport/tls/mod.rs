//! TLS 1.3 for TLS and QUIC: who we are, whom we trust, and by which clock (RFC 8446).

mod early;
mod sessions;
mod spec;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    time_provider::TimeProvider,
};

pub(super) use self::early::accept_early;
pub use self::sessions::Sessions;
use crate::path::Host;

/// The application protocol of messages and of experiments (RFC 7301).
pub const ALPN: &[u8] = b"wirelab";

/// A certificate chain and the key of its first certificate.
#[derive(Debug)]
pub struct Identity {
    /// The server's certificate first, then those that sign it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// Whom a client takes for the server.
#[derive(Debug, Clone)]
pub enum Trust {
    /// A server whose certificate one of these has signed.
    Roots(Arc<RootCertStore>),
    /// Anyone. Only for those who said that this is what they want.
    Anyone,
}

/// What a client's handshakes need.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// Whom to trust.
    pub trust: Trust,
    /// The name that the server's certificate must bear.
    pub server_name: ServerName<'static>,
    /// Offer to send with the first flight on a resumed session (0-RTT).
    pub early_data: bool,
    /// Sessions to resume; `None`: what one configuration remembers by itself.
    pub sessions: Option<Sessions>,
    /// Write secrets to the file that `SSLKEYLOGFILE` names.
    pub key_log: bool,
}

/// What a server's handshakes need.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// Who we are.
    pub identity: Identity,
    /// Accept what clients send with the first flight (0-RTT). It can be replayed (RFC 8446 section 8).
    pub early_data: bool,
}

/// AES-128-GCM first: it makes handshakes quicker, and AES-256 would bring software SHA-384 with it.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
});

impl ClientTls {
    /// A configuration whose clock is the host's. Its sessions are resumed by connections that share it, or its
    /// [`Sessions`].
    ///
    /// # Errors
    ///
    /// Where TLS 1.3 is not to be had of the cryptography that was built in.
    pub fn config(&self, host: &Arc<dyn Host>) -> Result<ClientConfig, rustls::Error> {
        let mut config = match &self.sessions {
            Some(sessions) => sessions.config(|| self.new_config(host))?,
            None => self.new_config(host)?,
        };
        config.enable_early_data = self.early_data;
        Ok(config)
    }

    fn new_config(&self, host: &Arc<dyn Host>) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_details(PROVIDER.clone(), clock(host))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let mut config = match &self.trust {
            Trust::Roots(roots) => builder.with_root_certificates(roots.clone()),
            Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone)),
        }
        .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        if self.key_log {
            config.key_log = Arc::new(rustls::KeyLogFile::new());
        }
        Ok(config)
    }
}

impl ServerTls {
    /// A configuration whose clock is the host's.
    ///
    /// # Errors
    ///
    /// Where key and certificate do not belong together.
    pub fn config(&self, host: &Arc<dyn Host>) -> Result<ServerConfig, rustls::Error> {
        let Identity { chain, key } = self.identity.clone();
        let mut config = ServerConfig::builder_with_details(PROVIDER.clone(), clock(host))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // QUIC knows two values only: none, and this (RFC 9001 section 4.6.1).
        config.max_early_data_size = if self.early_data { u32::MAX } else { 0 };
        // Early requests are answered at once, not after another round trip.
        config.send_half_rtt_data = self.early_data;
        Ok(config)
    }
}

fn clock(host: &Arc<dyn Host>) -> Arc<dyn TimeProvider> {
    Arc::new(HostClock(host.clone()))
}

/// The host's clock: what TLS and QUIC date their tickets and tokens by.
pub(super) struct HostClock(pub(super) Arc<dyn Host>);

impl TimeProvider for HostClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0.unix_time()))
    }
}

impl quinn::TimeSource for HostClock {
    fn now(&self) -> std::time::SystemTime {
        std::time::UNIX_EPOCH + self.0.unix_time()
    }
}

impl fmt::Debug for HostClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostClock").finish()
    }
}

/// Accepts every certificate, and still checks that its owner signed the handshake.
#[derive(Debug)]
struct TrustAnyone;

impl ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}
