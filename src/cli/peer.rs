//! Which address of a server, and whether it is to be trusted.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use rustls::pki_types::ServerName;
use wirelab::{
    certs,
    target::{Family, Target},
    transport::tls::{ClientTls, Trust},
};

use super::{UsageError, output};

/// Which address of a server, and whether it is to be trusted.
#[derive(Debug, Clone, Args)]
pub(crate) struct PeerArgs {
    /// Trust servers whose certificate this CA has signed
    #[arg(long, value_name = "FILE", default_value = "certs/ca.pem")]
    ca: PathBuf,
    /// The name that the server's certificate must bear [default: the URL's host]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Trust any server, whoever it is
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6')]
    ipv6: bool,
}

impl PeerArgs {
    /// The addresses that are wanted, where not all are.
    pub(crate) fn family(&self) -> Option<Family> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }

    /// Whom to take for `server`.
    pub(crate) fn tls(&self, server: &Target) -> anyhow::Result<ClientTls> {
        let trust = if !server.scheme.encrypted {
            // Never asked.
            Trust::Anyone
        } else if self.insecure {
            output::note("warning: --insecure: whoever answers is trusted, and may be anyone");
            Trust::Anyone
        } else {
            Trust::Roots(certs::roots(&self.ca).map_err(|e| {
                anyhow!("{e}; name the CA of the server with --ca FILE (wirelab serve makes certs/ca.pem)")
            })?)
        };
        let server_name = match &self.server_name {
            Some(name) => ServerName::try_from(name.clone()).map_err(|_| {
                UsageError::new(format!("--server-name {name}: no certificate could bear this name"))
            })?,
            None => server.server_name()?,
        };
        Ok(ClientTls { trust, server_name, early_data: false, sessions: None, key_log: true })
    }
}
