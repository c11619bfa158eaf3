//! Hosts on threads of their own.

use std::{io, sync::Arc, thread::JoinHandle};

use tokio::sync::oneshot;

use super::{DirectHost, Ports};
use crate::path::{Host as _, PortShare};

/// A thread with a runtime and a host of its own. The thread ends when this is dropped, and with it all tasks of the
/// host.
#[derive(Debug)]
pub struct HostThread<H: ?Sized> {
    host: Arc<H>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A further thread of one server, with a host that listens on the first thread's ports.
pub type Worker = HostThread<DirectHost>;

impl<H: ?Sized + Send + Sync + 'static> HostThread<H> {
    /// Starts a thread with the host that `make` makes under the thread's runtime.
    ///
    /// Returns the error of `make`, or an error if the system has no more threads or file descriptors.
    pub(crate) fn start(
        name: &str,
        make: impl FnOnce() -> io::Result<Arc<H>> + Send + 'static,
    ) -> io::Result<Self> {
        let (made, waits) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let runtime = super::runtime()?;
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                // The receiver waits for this and nothing else.
                let _ = made.send(make());
                let _ = ended.await;
            });
        })?;
        let host = waits.recv().map_err(io::Error::other)??;
        Ok(Self { host, end: Some(end), thread: Some(thread) })
    }

    /// The host on this thread.
    pub fn host(&self) -> &Arc<H> {
        &self.host
    }
}

impl HostThread<DirectHost> {
    /// Starts the worker with this number, from 1, whose clock reads as `first`'s. It may listen on `first`'s ports if
    /// `first` [shares them](DirectHost::sharing_ports), after the workers before it.
    ///
    /// Returns an error if the system has no more threads or file descriptors.
    pub fn beside(first: &DirectHost, index: u8) -> io::Result<Self> {
        let origin = first.clock.origin();
        let share = PortShare { index, ..first.port_share() };
        Self::start("worker", move || DirectHost::with_origin(origin, Ports::Joined(share)))
    }
}

impl<H: ?Sized> Drop for HostThread<H> {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panicked thread has printed its message.
            let _ = thread.join();
        }
    }
}
