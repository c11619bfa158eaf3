//! Why a certificate was refused. QUIC's errors carry the reason as an alert only, which does not tell all reasons
//! apart.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::unit::Mutex;

/// Why the last certificate was refused, if it was. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CertificateVerdict(Arc<Mutex<Option<CertificateError>>>);

impl CertificateVerdict {
    /// A verifier that keeps its reason for a rejection here. It trusts certificates signed by `roots`. With `None` it
    /// trusts every certificate whose owner signed the handshake.
    pub(super) fn of(
        &self,
        roots: Option<Arc<RootCertStore>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        let build = |roots| WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        let by_roots = roots.map(build).transpose().map_err(|e| rustls::Error::General(e.to_string()))?;
        Ok(Arc::new(Verifier { by_roots, provider, verdict: self.clone() }))
    }

    /// Why the certificate was refused; afterwards it is forgotten.
    pub(in crate::transport) fn take(&self) -> Option<CertificateError> {
        self.0.lock().take()
    }

    fn set(&self, verdict: Option<CertificateError>) {
        *self.0.lock() = verdict;
    }
}

#[derive(Debug)]
struct Verifier {
    /// Decides whether to trust a certificate. `None`: trust every certificate.
    by_roots: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    verdict: CertificateVerdict,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(by_roots) = &self.by_roots else { return Ok(ServerCertVerified::assertion()) };
        let verified = by_roots.verify_server_cert(certificate, intermediates, name, ocsp, now);
        self.verdict.set(match &verified {
            Err(rustls::Error::InvalidCertificate(reason)) => Some(reason.clone()),
            _ => None,
        });
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
