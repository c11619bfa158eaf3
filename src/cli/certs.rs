//! `wirelab certs`, and the certificates that `serve` needs.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use clap::Args;
use rustls::pki_types::ServerName;
use wirelab::certs::{DEFAULT_NAMES, Description, Store};

use super::output;

/// Show the certificates for tls://, quic:// and dtls://, and make missing ones
///
/// A CA and the server certificates that it signed. Clients verify servers against ca.pem. Keys are readable by
/// their owner only, and never leave this machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab certs
      show them
  wirelab certs --renew --name lab.example
      make new ones for localhost and lab.example
  openssl s_client -connect localhost:9443 -CAfile certs/ca.pem")]
pub(crate) struct Certs {
    #[command(flatten)]
    folder: Folder,
    /// Make new ones in place of those that are there
    #[arg(long)]
    renew: bool,
}

/// Where certificates are, and for whom.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The folder of the certificates
    #[arg(long, value_name = "DIR", default_value = "certs")]
    certs: PathBuf,
    /// A name or address of a new certificate, beside those of localhost; repeatable
    #[arg(long, value_name = "NAME", value_parser = certificate_name)]
    name: Vec<String>,
}

fn certificate_name(name: &str) -> Result<String, String> {
    match ServerName::try_from(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err("expected a DNS name or an IP address".to_owned()),
    }
}

impl Certs {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.folder.store();
        let names = self.folder.names();
        if self.renew {
            store.renew(&names, unix_time())?;
        } else {
            self.folder.ensure(unix_time())?;
        }
        for description in store.describe()? {
            output::line(show(&description))?;
        }
        // Read as a server reads it, so that what it would refuse shows here.
        store.identity()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Folder {
    /// The certificates.
    pub(crate) fn store(&self) -> Store {
        Store::new(&self.certs)
    }

    fn names(&self) -> Vec<String> {
        DEFAULT_NAMES.map(str::to_owned).into_iter().chain(self.name.iter().cloned()).collect()
    }

    /// Makes missing certificates and reports it. Warns of those that have expired or lack a name.
    pub(crate) fn ensure(&self, now: Duration) -> anyhow::Result<()> {
        let store = self.store();
        if store.ensure(&self.names(), now)? {
            output::note(format_args!("made new certificates in {}", self.certs.display()));
            return Ok(());
        }
        for description in store.describe()? {
            if description.expires <= now {
                output::note(format_args!(
                    "warning: {} has expired; wirelab certs --renew makes a new one",
                    description.file.display()
                ));
            }
            let lacks = |name: &&String| !description.names.is_empty() && !description.names.contains(name);
            for name in self.name.iter().filter(lacks) {
                output::note(format_args!(
                    "warning: {} is not for {name}; wirelab certs --renew --name {name} makes one that is",
                    description.file.display()
                ));
            }
        }
        Ok(())
    }
}

/// A certificate on one line.
pub(crate) fn show(description: &Description) -> String {
    let Description { file, subject, names, expires } = description;
    let names = if names.is_empty() { String::new() } else { format!(" for {}", names.join(", ")) };
    let expires = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + *expires);
    format!("{}: {subject}{names}, expires {expires}", file.display())
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are dated by the wall clock, and there is no host here"
)]
pub(super) fn unix_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
