//! Options for the address and the identity of a server.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::anyhow;
use clap::Args;
use rustls::pki_types::ServerName;
use wirelab::{
    certs,
    target::{Family, Target},
    transport::{
        Credentials, SharedKey,
        tls::{CertificateVerdict, ClientTls, Trust},
    },
};

use super::{UsageError, output, shared_key};

/// The address and the identity of a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct PeerArgs {
    /// Trust servers whose certificate this CA has signed
    #[arg(long, value_name = "FILE", default_value = "certs/ca.pem")]
    ca: PathBuf,
    /// The name that the server's certificate must have [default: the URL's host]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Trust any server without verifying its certificate
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// The key of a udp-hmac:// server, in hex or base64 [default: WIRELAB_KEY, or certs/hmac.key]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6')]
    ipv6: bool,
}

impl PeerArgs {
    /// The address family, if only one is wanted.
    pub(crate) fn family(&self) -> Option<Family> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }

    /// The key that `server` and its clients know.
    pub(crate) fn shared_key(&self, server: &Target) -> anyhow::Result<Option<SharedKey>> {
        (server.scheme.credentials == Credentials::SharedKey)
            .then(|| shared_key::read(self.key_file.as_deref(), Path::new("certs/hmac.key")))
            .transpose()
    }

    /// How to verify `server`.
    pub(crate) fn tls(&self, server: &Target) -> anyhow::Result<ClientTls> {
        let trust = if !server.scheme.credentials.is_certificate() {
            // Never used.
            Trust::Anyone
        } else if self.insecure {
            output::note("warning: --insecure: the server's certificate is not verified");
            Trust::Anyone
        } else {
            Trust::Roots(certs::roots(&self.ca).map_err(|e| {
                anyhow!("{e}; name the CA of the server with --ca FILE (wirelab serve makes certs/ca.pem)")
            })?)
        };
        let server_name = match &self.server_name {
            Some(name) => ServerName::try_from(name.clone()).map_err(|_| {
                UsageError::new(format!(
                    "--server-name: invalid name `{name}`: expected a DNS name or an IP address"
                ))
            })?,
            None => server.server_name()?,
        };
        Ok(ClientTls {
            trust,
            server_name,
            early_data: false,
            sessions: None,
            key_log: Some(Arc::new(rustls::KeyLogFile::new())),
            verdict: CertificateVerdict::default(),
        })
    }
}
