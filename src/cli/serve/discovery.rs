//! `--discoverable`.

use std::sync::Arc;

use clap::Args;
use ipnet::IpNet;
use wirelab::{
    discover::{Announcement, Discoverable, announce},
    path::Host,
    serve::{Access, Observer, Server},
    wire::discovery::MAX_NAME_BYTES,
};

use crate::cli::output;

/// Whether and how the server can be found.
#[derive(Debug, Args)]
pub(super) struct Discovery {
    /// Answer `wirelab discover` on the local network, with this name [default name: the machine's]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, value_parser = name)]
    discoverable: Option<Option<String>>,
}

impl Discovery {
    /// Begins to answer `wirelab discover`, if that is wanted.
    pub(super) fn announce(
        &self,
        host: &Arc<dyn Host>,
        server: &Server,
        allow: &[IpNet],
        observer: Arc<dyn Observer>,
    ) -> anyhow::Result<Option<Discoverable>> {
        let Some(name) = &self.discoverable else { return Ok(None) };
        let announcement = Announcement {
            name: name.clone().unwrap_or_else(machine_name),
            program: concat!("wirelab ", env!("CARGO_PKG_VERSION")).to_owned(),
            binds: server.binds().collect(),
            access: Access { allow: allow.to_vec(), rate: None },
        };
        if !announcement.is_reachable() {
            output::note(
                "warning: other machines cannot find this server, because it listens on loopback only; give it an \
                 address of the network, such as udp://0.0.0.0:9999",
            );
        }
        Ok(Some(announce(host, announcement, observer)?))
    }
}

/// The name of this machine.
fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// A name that fits into an answer and on a line.
fn name(name: &str) -> Result<String, String> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(format!("expected a name of 1 to {MAX_NAME_BYTES} bytes on one line"))
    }
}
