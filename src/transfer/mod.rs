//! Transfers of content from one end to the other, checked by a digest, over any transport.
//!
//! A sender sends pieces, each with its offset and a CRC-32, and then an end with a digest: the SHA-256 of the CRCs of
//! all pieces in order. So pieces can be checked in any order of arrival and need not be kept, and the check takes
//! little of the measured time. A receiver answers the end with a receipt: either the content arrived unchanged, or a
//! list of missing parts. Only an intact receipt completes a transfer.

mod assembly;
pub mod bulk;
mod content;
mod exchange;
mod receive;
mod send;

use std::{future::Future, io, sync::Arc, time::Duration};

pub use self::content::{Content, SaveFile};
pub(crate) use self::{
    assembly::Assembly,
    content::Sink,
    exchange::{download, serve, upload},
};
use crate::{
    path::{Host, StopSignal},
    transport::ChannelError,
    wire::transfer::InvalidTransferMessage,
};

/// Why a transfer stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The connection failed.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The content could not be read or written.
    #[error("cannot {operation} {name}: {source}")]
    Content {
        /// `read` or `write`.
        operation: &'static str,
        /// The file.
        name: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The received content differs from what was sent.
    #[error("all bytes arrived, but they differ from what was sent (digest mismatch)")]
    Mismatch,
    /// The peer violated the protocol.
    #[error("the peer violated the protocol: {0}")]
    Protocol(&'static str),
    /// The server returns what it receives.
    #[error(
        "the server returns what it is sent: it is an echo server without transfers, or speaks another version of wirelab's \
         transfer protocol"
    )]
    Echo,
    /// No progress for this long.
    #[error("no progress for {}", humantime::format_duration(*.0))]
    Stalled(Duration),
    /// Interrupted from outside.
    #[error("interrupted")]
    Interrupted,
}

impl From<InvalidTransferMessage> for TransferError {
    fn from(_: InvalidTransferMessage) -> Self {
        Self::Protocol("not a transfer message, or a corrupted one")
    }
}

/// Reports the progress of a transfer, and stops it.
#[derive(Clone)]
pub struct Watch {
    /// Called with the number of bytes of content that have newly arrived, at this end or, as far as this end knows, at
    /// the other.
    pub moved: Arc<dyn Fn(u64) + Send + Sync>,
    /// Interrupts the transfer.
    pub stop: StopSignal,
    /// Time without progress after which the transfer fails.
    pub patience: Duration,
    /// Pieces that a receiver may record beyond a gap.
    pub most_ahead: usize,
}

/// Default time without progress after which a transfer fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often progress is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

impl Default for Watch {
    fn default() -> Self {
        Self { moved: Arc::new(|_| ()), stop: StopSignal::default(), patience: PATIENCE, most_ahead: 1 << 20 }
    }
}

impl Watch {
    /// Runs `transfer` unless interrupted.
    ///
    /// Returns [`TransferError::Interrupted`], or the error of `transfer`.
    pub(crate) async fn until_stopped<T>(
        &self,
        transfer: impl Future<Output = Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        tokio::select! {
            biased;
            done = transfer => done,
            () = self.stop.stopped() => Err(TransferError::Interrupted),
        }
    }

    /// Runs `transfer` as long as `moved` grows. `moved` counts what has arrived at either end: filling a buffer is not
    /// progress.
    async fn while_progressing<T>(
        &self,
        host: &dyn Host,
        moved: impl Fn() -> u64,
        transfer: impl Future<Output = Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        let stalled = async {
            let (mut last, mut since) = (moved(), host.now());
            while host.now() - since < self.patience {
                host.sleep(CHECK_INTERVAL.min(self.patience)).await;
                let now = moved();
                if now > last {
                    (last, since) = (now, host.now());
                }
            }
        };
        tokio::select! {
            biased;
            done = transfer => done,
            () = stalled => Err(TransferError::Stalled(self.patience)),
        }
    }
}
