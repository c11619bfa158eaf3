//! Stopping: first drain, then abandon, and knowing when the last task has ended.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use crate::path::{Host, timeout};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Nothing new is begun.
    Draining,
    /// What is not done is left.
    Abandoned,
}

/// The handle of whoever stops: it starts the tasks' end and waits for it.
#[derive(Debug)]
pub(super) struct Stopper {
    phase: watch::Sender<Phase>,
    /// Held only to be given to tasks; yields `None` when all of them are gone.
    tasks: Tasks,
    ended: mpsc::Receiver<()>,
}

/// What tasks hold: it starts further tasks, and tells when to stop.
#[derive(Debug, Clone)]
pub(super) struct Tasks {
    host: Arc<dyn Host>,
    phase: watch::Receiver<Phase>,
    /// Held so that the stopper knows when the last is gone.
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

    /// Ends all tasks: they may finish what is in progress for as long as `within`. `true`: all could.
    pub(super) async fn stop(self, within: Duration) -> bool {
        let Self { phase, tasks, mut ended } = self;
        let host = tasks.host.clone();
        drop(tasks);
        phase.send_replace(Phase::Draining);
        if timeout(&*host, within, ended.recv()).await.is_ok() {
            return true;
        }
        phase.send_replace(Phase::Abandoned);
        // Every task ends at its next step now.
        ended.recv().await;
        false
    }
}

impl Tasks {
    /// Runs `task` until it ends or is abandoned.
    pub(super) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.clone();
        self.host.spawn(
            name,
            Box::pin(async move {
                tokio::select! {
                    biased;
                    () = reached(tasks.phase.clone(), Phase::Abandoned) => {}
                    () = task => {}
                }
            }),
        );
    }

    /// The same for tasks on `host`.
    pub(super) fn on(&self, host: &Arc<dyn Host>) -> Self {
        Self { host: host.clone(), ..self.clone() }
    }

    /// Completes when nothing new shall be begun.
    pub(super) fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        reached(self.phase.clone(), Phase::Draining)
    }
}

async fn reached(mut watched: watch::Receiver<Phase>, phase: Phase) {
    // An error says that the stopper is gone without a word: that is a stop as well.
    let _ = watched.wait_for(|now| *now >= phase).await;
}
