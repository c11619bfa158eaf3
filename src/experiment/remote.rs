//! Remote servers.

use std::{
    future::Future,
    net::SocketAddr,
    slice,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    capture::Recording,
    path::{Host, timeout},
    transport::{ConnectError, SharedKey, race, tls::ClientTls},
};

/// A remote server.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its URL, as results name it.
    pub url: String,
    /// Its addresses, in order of preference.
    pub addresses: Vec<SocketAddr>,
    /// The address that answered first. All later runs measure it. Clones share it.
    pub answered: Arc<OnceLock<SocketAddr>>,
    /// Time limit for connecting to an address.
    pub timeout: Duration,
    /// The deadline of messages, if it is to be two round trips: the first run measures it, for all rows. Clones share
    /// it.
    pub deadline: Option<Arc<OnceLock<Duration>>>,
    /// Whom to trust, for TLS and QUIC.
    pub tls: ClientTls,
    /// For transports whose two ends know one key.
    pub shared_key: Option<SharedKey>,
    /// Draw QUIC's connection ids and keys from this seed, in place of the system's randomness.
    pub seed: Option<u64>,
}

impl Remote {
    /// The same server, whose connections log their secrets for `recording` too.
    pub(super) fn recorded(&self, recording: &Recording) -> Self {
        let mut remote = self.clone();
        if let Some(key_log) = recording.key_log() {
            remote.tls.log_to(key_log);
        }
        remote
    }

    /// Connects to the address that has answered before, or else to the first of the [race](race()) that answers.
    ///
    /// Returns the error of the preferred address if none of them answers in time.
    pub(crate) async fn connect<T, E: From<ConnectError>, F: Future<Output = Result<T, E>>>(
        &self,
        host: &dyn Host,
        attempt: impl Fn(SocketAddr) -> F,
    ) -> Result<T, E> {
        let addresses = self.answered.get().map_or(&self.addresses[..], slice::from_ref);
        let in_time = async |peer| {
            let late = |_| ConnectError::TimedOut { what: "connecting", peer, after: self.timeout };
            timeout(host, self.timeout, attempt(peer)).await.map_err(late)?
        };
        let no_address = || ConnectError::NoAddress { url: self.url.clone() }.into();
        let (address, connected) =
            race(host, addresses, in_time).await.map_err(|error| error.unwrap_or_else(no_address))?;
        self.answered.get_or_init(|| address);
        Ok(connected)
    }
}
