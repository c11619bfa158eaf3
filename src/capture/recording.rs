//! What is recorded of one run.

use std::{io, sync::Arc};

use rustls::KeyLog;

use super::{recorder::Capture, secrets::Secrets};
use crate::path::Observers;

/// What is recorded of one run; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Its packets.
    pub capture: Option<Capture>,
    /// The secrets of its connections.
    pub secrets: Option<Secrets>,
}

impl Recording {
    /// Shows the packets to the capture.
    pub fn observe(&self, observers: &mut Observers) {
        if let Some(capture) = &self.capture {
            observers.push(capture.observer());
        }
    }

    /// Where the ends of connections log their secrets.
    pub fn key_log(&self) -> Option<Arc<dyn KeyLog>> {
        self.secrets.clone().map(|secrets| Arc::new(secrets) as Arc<dyn KeyLog>)
    }

    /// Ends the capture of a run that `is_whole` or was cut short. Returns the first error of writing.
    pub fn finish(&self, is_whole: bool) -> io::Result<()> {
        self.capture.as_ref().map_or(Ok(()), |capture| capture.finish(is_whole))
    }
}
