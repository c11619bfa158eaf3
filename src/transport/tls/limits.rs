//! Limits on the handshakes in progress at a server of an experiment. A server of `serve` has limits of its own.

use std::time::Duration;

/// How many there may be. Further clients wait in the listener's backlog.
pub(super) const MOST_HANDSHAKES: usize = 1024;

/// How long each may take. It exceeds the minute that the clients of an experiment wait unless they are told otherwise.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(120);
