//! The recording of one run.

use std::{io, sync::Arc};

use rustls::KeyLog;

use super::{recorder::Capture, secrets::Secrets};
use crate::{path::Observers, trace::QuicTracers};

/// What is recorded of one run. The default records nothing.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The capture of its packets.
    pub capture: Option<Capture>,
    /// The secrets of its connections.
    pub secrets: Option<Secrets>,
    /// What traces its QUIC connections.
    pub tracers: QuicTracers,
}

impl Recording {
    /// Adds the observer of the capture to `observers`.
    pub fn observe(&self, observers: &mut Observers) {
        if let Some(capture) = &self.capture {
            observers.push(capture.observer());
        }
    }

    /// The key log to which both ends of a connection write their secrets.
    pub fn key_log(&self) -> Option<Arc<dyn KeyLog>> {
        self.secrets.clone().map(|secrets| Arc::new(secrets) as Arc<dyn KeyLog>)
    }

    /// Ends the capture. `is_whole` tells whether the run reached its end. Returns how many packets are missing because
    /// the disk was too slow, or the first write error.
    pub fn finish(&self, is_whole: bool) -> io::Result<u64> {
        self.capture.as_ref().map_or(Ok(0), |capture| capture.finish(is_whole))
    }
}
