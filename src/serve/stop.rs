//! Stopping a server: its tasks drain first, and are then cancelled.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use crate::path::{CLOSING, Host, timeout};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Work in progress may finish; new work is refused.
    Draining,
    /// Tasks are cancelled.
    Cancelled,
}

/// Stops the tasks of a server and waits until they have ended.
#[derive(Debug)]
pub(super) struct Stopper {
    phase: watch::Sender<Phase>,
    /// The handle that is cloned for each task.
    tasks: Tasks,
    /// Yields `None` when all clones of `tasks` are gone.
    ended: mpsc::Receiver<()>,
}

/// Spawns tasks of a server, and tells them when to stop.
#[derive(Debug, Clone)]
pub(super) struct Tasks {
    host: Arc<dyn Host>,
    phase: watch::Receiver<Phase>,
    /// Closes [`Stopper::ended`] when the last clone is dropped.
    _alive: mpsc::Sender<()>,
}

impl Stopper {
    pub(super) fn new(host: &Arc<dyn Host>) -> Self {
        let (phase, watched) = watch::channel(Phase::Serving);
        let (alive, ended) = mpsc::channel(1);
        Self { phase, tasks: Tasks { host: host.clone(), phase: watched, _alive: alive }, ended }
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Stops all tasks. They are cancelled if they have not drained `within` this time. Returns whether all drained.
    pub(super) async fn stop(self, within: Duration) -> bool {
        let Self { phase, tasks, mut ended } = self;
        let host = tasks.host.clone();
        drop(tasks);
        phase.send_replace(Phase::Draining);
        if timeout(&*host, within, ended.recv()).await.is_ok() {
            return true;
        }
        phase.send_replace(Phase::Cancelled);
        ended.recv().await;
        host.sleep(CLOSING).await;
        false
    }
}

impl Tasks {
    /// Runs `task` until it ends or is cancelled.
    pub(super) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.clone();
        self.host.spawn(
            name,
            Box::pin(async move {
                tokio::select! {
                    biased;
                    () = reached(tasks.phase.clone(), Phase::Cancelled) => {}
                    () = task => {}
                }
            }),
        );
    }

    /// A handle that spawns on `host`.
    pub(super) fn on(&self, host: &Arc<dyn Host>) -> Self {
        Self { host: host.clone(), ..self.clone() }
    }

    /// Completes when the server drains.
    pub(super) fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        reached(self.phase.clone(), Phase::Draining)
    }
}

async fn reached(mut watched: watch::Receiver<Phase>, phase: Phase) {
    // Fails if the stopper was dropped, which stops the server too.
    let _ = watched.wait_for(|now| *now >= phase).await;
}
