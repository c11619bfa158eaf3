//! The result of one transfer.

use std::{ops::Range, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    link::Counters,
    path::{EcnCounts, Fidelity, QueueDelays},
    report::Progress,
    tap::TruthFigures,
    transport::Recovery,
    unit::PerDirection,
};

/// The figures of one transfer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TransferOutcome {
    /// Time to establish the connection.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub connect: Duration,
    /// From the first byte until the client knew that the content was intact; `None` if it was not.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub time: Option<Duration>,
    /// From the first byte until the transfer ended, completed or not.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub took: Duration,
    /// Why it stopped early. Lost datagrams alone do not stop a transfer.
    pub stopped: Option<String>,
    /// It was interrupted.
    pub interrupted: bool,
    /// Bytes that arrived. Of a stopped upload to a remote server, the bytes acknowledged by its transport; `None` if
    /// it does not acknowledge.
    pub arrived: Option<u64>,
    /// Number of missing ranges.
    pub gaps: u64,
    /// The first missing ranges.
    pub missing: Vec<Range<u64>>,
    /// What the client's end did to recover from loss.
    pub client: Recovery,
    /// The same for the server's end, if wirelab runs it.
    pub server: Recovery,
    /// Time for which the client's thread ran or waited for a core; `None` in virtual time.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub client_busy: Option<Duration>,
    /// The same for the server's thread, if wirelab runs it.
    #[serde(default, deserialize_with = "crate::unit::saved::optional")]
    pub server_busy: Option<Duration>,
    /// What the link did from the first byte on, in each direction; `None` without an emulated link.
    pub wire: Option<PerDirection<Counters>>,
    /// How long packets waited in the queues of the link meanwhile; `None` without an emulated link with a rate.
    pub queue: Option<QueueDelays>,
    /// The packets of the run by their ECN field; `None` if the link does not use ECN.
    pub ecn: Option<PerDirection<EcnCounts>>,
    /// How exactly the path emulated the link.
    pub fidelity: Option<Fidelity>,
    /// Losses on the link, compared with those that the senders declared; `None` where they are not known.
    pub truth: Option<TruthFigures>,
    /// The timeline of the transfer, if it was recorded for pictures.
    pub progress: Option<Progress>,
}
