//! What one transfer has shown.

use std::{ops::Range, time::Duration};

use crate::{link::Counters, path::Fidelity, report::Progress, transport::Recovery, unit::PerDirection};

/// The figures of one transfer.
#[derive(Debug, Clone, Default)]
pub struct TransferOutcome {
    /// From nothing to a connection that can carry content.
    pub connect: Duration,
    /// From handing over the first byte until the client knew that all was there and intact; `None` if it was not.
    pub time: Option<Duration>,
    /// From handing over the first byte until the end, whichever it was.
    pub took: Duration,
    /// Why it stopped, if it did. One that has only lost datagrams has not.
    pub stopped: Option<String>,
    /// It was ended from outside.
    pub interrupted: bool,
    /// Bytes that arrived. Of an upload by URL that stopped, those that the server's transport had acknowledged; `None` if it
    /// acknowledges nothing.
    pub arrived: Option<u64>,
    /// How many gaps there are in them.
    pub gaps: u64,
    /// The first gaps.
    pub missing: Vec<Range<u64>>,
    /// What the client's end did to recover from loss.
    pub client: Recovery,
    /// The same of the server's end, where it is ours.
    pub server: Recovery,
    /// Time for which the client's thread ran or waited for a core; `None` in virtual time.
    pub client_busy: Option<Duration>,
    /// The same for the server's thread, if wirelab runs it.
    pub server_busy: Option<Duration>,
    /// What the wire did from the first byte on, to the server and to the client; `None` where it is not ours.
    pub wire: Option<PerDirection<Counters>>,
    /// How true the wire was to its model.
    pub fidelity: Option<Fidelity>,
    /// The timeline of the transfer, if it was recorded for pictures.
    pub progress: Option<Progress>,
}
