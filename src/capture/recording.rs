//! The recording of one run.

use std::{fmt, io, sync::Arc};

use rustls::KeyLog;

use super::missing::Missing;
use crate::{
    path::{Observer, Observers},
    trace::{ArqTracer, QuicTracer, QuicTracers, TcpTracer},
};

/// Records the packets of one run.
///
/// A run knows its recorders by this trait alone, so a program that begins none, such as the engine for browsers, has
/// none of their code.
pub trait Recorder: fmt::Debug + Send + Sync {
    /// An observer of the packets on the path.
    fn observer(&self) -> Box<dyn Observer>;

    /// Ends the recording. `is_whole` tells whether the run reached its end. Returns what is missing, or the first write
    /// error.
    fn finish(&self, is_whole: bool) -> io::Result<Missing>;
}

/// Records what the ends of connections do as well.
pub trait Tracer: Recorder + QuicTracer + ArqTracer + TcpTracer {}

/// The recordings of one run. The default records nothing.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The capture of its packets.
    pub capture: Option<Arc<dyn Recorder>>,
    /// The secrets of its connections.
    pub secrets: Option<Arc<dyn KeyLog>>,
    /// The traces of its connections in qlog.
    pub qlog: Option<Arc<dyn Tracer>>,
    /// Further tracers of its QUIC connections.
    pub tracers: QuicTracers,
}

impl Recording {
    /// Adds the observers of the capture and of the traces to `observers`.
    pub(crate) fn observe(&self, observers: &mut Observers) {
        if let Some(capture) = &self.capture {
            observers.push(capture.observer());
        }
        if let Some(qlog) = &self.qlog {
            observers.push(qlog.observer());
        }
    }

    /// All tracers of its QUIC connections, including those of [`Self::qlog`].
    pub(crate) fn quic_tracers(&self) -> QuicTracers {
        let mut tracers = self.tracers.clone();
        if let Some(qlog) = &self.qlog {
            tracers.push(Arc::clone(qlog) as Arc<dyn QuicTracer>);
        }
        tracers
    }

    /// The tracer of its ARQ connections.
    pub(crate) fn arq_tracer(&self) -> Option<Arc<dyn ArqTracer>> {
        self.qlog.clone().map(|qlog| qlog as Arc<dyn ArqTracer>)
    }

    /// The tracer of what the kernel reports of TCP.
    pub(crate) fn tcp_tracer(&self) -> Option<Arc<dyn TcpTracer>> {
        self.qlog.clone().map(|qlog| qlog as Arc<dyn TcpTracer>)
    }

    /// The observers of the capture and of the traces.
    pub(crate) fn observers(&self) -> Observers {
        let mut observers = Observers::default();
        self.observe(&mut observers);
        observers
    }

    /// The key log to which both ends of a connection write their secrets.
    pub(crate) fn key_log(&self) -> Option<Arc<dyn KeyLog>> {
        self.secrets.clone()
    }

    /// Ends the capture. `is_whole` tells whether the run reached its end. Returns what is missing, or the first write
    /// error.
    pub fn finish_capture(&self, is_whole: bool) -> io::Result<Missing> {
        self.capture.as_ref().map_or(Ok(Missing::default()), |capture| capture.finish(is_whole))
    }

    /// Ends the traces in qlog. `is_whole` tells whether the run reached its end. Returns what is missing, or the first
    /// write error.
    pub fn finish_qlog(&self, is_whole: bool) -> io::Result<Missing> {
        self.qlog.as_ref().map_or(Ok(Missing::default()), |qlog| qlog.finish(is_whole))
    }
}
