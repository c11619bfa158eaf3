//! A run in real time on this machine's loopback, each end on a thread of its own.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::oneshot;

use super::{
    observe::SampleSink,
    outcome::Outcome,
    plan::Plan,
    run::{Ends, RunError, run},
    sim::settings,
};
use crate::path::{
    Host,
    direct::{DirectHost, runtime},
};

/// Runs `plan` once between two sockets of this machine. It takes as long as the plan says.
///
/// # Errors
///
/// Where no connection was made, or the machine gives no clock or runtime.
pub fn run_direct(plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
    run_direct_observed(plan, seed, None)
}

/// [`run_direct`], with `samples` shown every message. There is no wire of ours whose packets could be shown.
///
/// # Errors
///
/// Those of [`run_direct`].
pub fn run_direct_observed(plan: &Plan, seed: u64, samples: Option<SampleSink>) -> Result<Outcome, RunError> {
    let settings = settings(plan, None)?;
    on_loopback(async |ends| {
        run(ends, plan.transport, &plan.workload, &settings, (seed, || ()), samples).await
    })
}

/// Runs `run` between two hosts on loopback.
pub(super) fn on_loopback<T>(run: impl AsyncFnOnce(&Ends) -> Result<T, RunError>) -> Result<T, RunError> {
    let runtime = runtime()?;
    let client = runtime.block_on(async { DirectHost::new() })?;
    let server = ServerThread::beside(client.clone())?;
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    let ends =
        Ends { client, server: server.host.clone(), listen: SocketAddr::new(loopback, 0), reach: loopback };
    runtime.block_on(run(&ends))
}

/// A host that runs on a thread of its own until it is dropped.
pub(super) struct ServerThread {
    pub(super) host: Arc<dyn Host>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ServerThread {
    /// Starts a host whose clock reads as that of `like`.
    pub(super) fn beside(like: Arc<DirectHost>) -> Result<Self, RunError> {
        Self::start(move || Ok(like.sibling()? as Arc<dyn Host>))
    }

    /// Starts the host that `make` makes.
    pub(super) fn start(
        make: impl FnOnce() -> std::io::Result<Arc<dyn Host>> + Send + 'static,
    ) -> Result<Self, RunError> {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let runtime = runtime()?;
        let thread = thread::Builder::new().name("server".to_owned()).spawn(move || {
            runtime.block_on(async {
                // The other end of neither channel goes before this thread is told to stop.
                let _ = tell.send(make());
                let _ = stopped.await;
            });
        })?;
        let host = told.recv().map_err(std::io::Error::other)??;
        Ok(Self { host, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
