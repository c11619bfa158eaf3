//! Further threads for one server.

use std::{io, sync::Arc, thread::JoinHandle};

use tokio::sync::oneshot;

use super::{DirectHost, Ports};

/// A thread with a runtime of its own, and a host on it that listens on ports which another host shares. The thread
/// ends when this is dropped, and with it all that runs there.
#[derive(Debug)]
pub struct Worker {
    host: Arc<DirectHost>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// A worker whose clock reads as `first`'s, and which may listen where `first` does, if that [shares its
    /// ports](DirectHost::sharing_ports).
    ///
    /// # Errors
    ///
    /// Where the system has no more threads or file descriptors.
    pub fn start(first: &DirectHost) -> io::Result<Self> {
        let origin = first.clock.origin();
        let (made, waits) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
            let runtime = match super::runtime() {
                Ok(runtime) => runtime,
                Err(e) => return drop(made.send(Err(e))),
            };
            runtime.block_on(async {
                // Whoever waits is there: it does nothing else.
                let _ = made.send(DirectHost::with_origin(origin, Ports::Joined));
                let _ = ended.await;
            });
        })?;
        let host = waits.recv().map_err(|_| io::Error::other("a thread ended before it began"))??;
        Ok(Self { host, end: Some(end), thread: Some(thread) })
    }

    /// The host on this thread.
    pub fn host(&self) -> &Arc<DirectHost> {
        &self.host
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // An error says that it panicked, and that it has said so already.
            let _ = thread.join();
        }
    }
}
