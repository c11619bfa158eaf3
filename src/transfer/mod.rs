//! Content from one end to the other, whole and checked, over any transport that moves messages in bulk.
//!
//! A sender sends pieces, each with its offset and a CRC-32, and then an end with a digest: the SHA-256 of the CRCs of
//! all pieces in order. Pieces can thus be checked in any order of arrival, without keeping them, in little of the
//! measured time. A receiver answers the end with a receipt: either the content arrived unchanged, or a list of missing
//! parts. Only an intact receipt completes a transfer.

mod assembly;
pub mod bulk;
mod content;
mod exchange;
mod receive;
mod send;

use std::{future::Future, io, sync::Arc, time::Duration};

pub use self::{
    assembly::Assembly,
    content::{Content, SaveFile, Sink},
    exchange::{download, serve, upload},
};
use crate::{
    path::{Host, StopSignal},
    transport::ChannelError,
    wire::transfer::InvalidTransferMessage,
};

/// A transfer that has stopped.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The connection broke.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The content could not be read or written.
    #[error("cannot {operation} {name}: {source}")]
    Content {
        /// Read or write.
        operation: &'static str,
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// What came is not what was sent.
    #[error("all bytes came, and they are not those that were sent: the digests differ")]
    Mismatch,
    /// The peer says something else than it should.
    #[error("the peer does not keep to the protocol: {0}")]
    Protocol(&'static str),
    /// The server returns what it receives.
    #[error(
        "the server returns what it is sent: it is an echo server without transfers, or speaks another version of wirelab's \
         transfer protocol"
    )]
    Echo,
    /// Nothing moved.
    #[error("nothing moved for {}", humantime::format_duration(*.0))]
    Stalled(Duration),
    /// Somebody wanted it to end.
    #[error("interrupted")]
    Interrupted,
}

impl From<InvalidTransferMessage> for TransferError {
    fn from(_: InvalidTransferMessage) -> Self {
        Self::Protocol("not a transfer message, or a corrupted one")
    }
}

/// Who looks on, and may end it.
#[derive(Clone)]
pub struct Watch {
    /// Is told of bytes of content as they have arrived: at this end, or at the other end as far as it has told.
    pub moved: Arc<dyn Fn(u64) + Send + Sync>,
    /// Set from outside to end it.
    pub stop: StopSignal,
    /// After how long without progress it has stopped.
    pub patience: Duration,
    /// Pieces that a receiver may remember ahead of a gap.
    pub most_ahead: usize,
}

/// After how long a transfer in which nothing moves has stopped, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a transfer looks how far it has come.
const LOOK: Duration = Duration::from_millis(250);

impl Default for Watch {
    fn default() -> Self {
        Self { moved: Arc::new(|_| ()), stop: StopSignal::default(), patience: PATIENCE, most_ahead: 1 << 20 }
    }
}

impl Watch {
    /// Runs `doing` for as long as nobody wants it to end.
    ///
    /// # Errors
    ///
    /// [`TransferError::Interrupted`], or what `doing` failed of.
    pub async fn over<T>(
        &self,
        doing: impl Future<Output = Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        tokio::select! {
            biased;
            done = doing => done,
            () = self.stop.stopped() => Err(TransferError::Interrupted),
        }
    }

    /// Runs `doing` for as long as `moved` grows. It reads what has reached the other end or come from it: what was
    /// handed to a buffer is no progress.
    async fn patiently<T>(
        &self,
        host: &dyn Host,
        moved: impl Fn() -> u64,
        doing: impl Future<Output = Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        let stalled = async {
            let (mut last, mut since) = (moved(), host.now());
            while host.now() - since < self.patience {
                host.sleep(LOOK.min(self.patience)).await;
                let now = moved();
                if now > last {
                    (last, since) = (now, host.now());
                }
            }
        };
        tokio::select! {
            biased;
            done = doing => done,
            () = stalled => Err(TransferError::Stalled(self.patience)),
        }
    }
}
