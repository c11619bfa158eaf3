//! The work on one call, and its lines.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use futures_util::{Stream, future::Either, stream};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::child::{Killer, Running};
use crate::{
    experiment::{PathKind, Progress},
    lab::{Call, Context, LabError},
    path::StopSignal,
};

/// Every path that a page may use.
const PATHS: [PathKind; 3] = [PathKind::Sim, PathKind::Relay, PathKind::Netns];

/// Ends the work when it is dropped, which happens when the page no longer reads.
struct Ending {
    stop: StopSignal,
    killer: Option<Killer>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.stop.set();
        self.killer.iter().for_each(Killer::kill);
    }
}

/// A time limit, which a thread watches until it is dropped.
struct Limit {
    over: oneshot::Receiver<()>,
    _watched: Sender<()>,
}

impl Limit {
    fn new(time: Duration) -> Self {
        let (reached, over) = oneshot::channel();
        let (watched, dropped) = channel::<()>();
        thread::spawn(move || {
            if dropped.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                // Fails if the call has just ended.
                let _ = reached.send(());
            }
        });
        Self { over, _watched: watched }
    }
}

/// Begins to answer a call. Returns its lines, or why it is refused.
pub(super) fn answer(
    call: Call,
    places: Arc<Semaphore>,
) -> Result<impl Stream<Item = Result<String, Infallible>> + Send + use<>, LabError> {
    let (longest, runs) = (call.longest()?, call.runs()?);
    let real_time = call.scenario()?.filter(|scenario| scenario.path.is_real_time());
    let first = json!({ "runs": runs, "seconds": real_time.map(|_| longest.as_secs_f64() / 2.0) });
    let lines = async move {
        let place = places.acquire_owned().await;
        let (sender, lines) = mpsc::unbounded_channel();
        let ending = begin(call, sender, place.ok());
        (lines, Some((ending, Limit::new(longest))))
    };
    let rest = stream::unfold(Either::Left(Box::pin(lines)), |state| async move {
        let (mut lines, limit) = match state {
            Either::Left(begin) => begin.await,
            Either::Right(state) => state,
        };
        // After its limit, a run ends with an error of its own.
        let (ending, mut limit) = limit?;
        let next = tokio::select! {
            biased;
            line = lines.recv() => line?,
            _ = &mut limit.over => {
                drop(ending);
                return Some((line(&json!({ "error": "ended: it took too long" })), Either::Right((lines, None))));
            }
        };
        Some((line(&next), Either::Right((lines, Some((ending, limit))))))
    });
    Ok(stream::StreamExt::chain(stream::iter([line(&first)]), rest))
}

fn line(value: &Value) -> Result<String, Infallible> {
    Ok(value.to_string() + "\n")
}

/// Works on a call on a thread of its own.
fn begin(call: Call, lines: mpsc::UnboundedSender<Value>, place: Option<OwnedSemaphorePermit>) -> Ending {
    let stop = StopSignal::default();
    let (running, killer) = match in_real_time(&call) {
        Some(Ok(running)) => {
            let killer = running.killer();
            (Some(Ok(running)), Some(killer))
        }
        other => (other, None),
    };
    let ending = Ending { stop: stop.clone(), killer };
    thread::spawn(move || {
        let progress = lines.clone();
        let progress: Progress = Arc::new(move |runs| {
            let _ = progress.send(json!({ "done": runs }));
        });
        let answer = match running {
            Some(running) => running.map_err(|error| error.to_string()).and_then(Running::shown),
            None => {
                let context = Context { paths: &PATHS, stop: &stop, progress };
                call.answer(&context).map_err(|error| error.to_string())
            }
        };
        // Fails if the page has gone.
        let _ = lines.send(match answer {
            Ok(answer) => json!({ "answer": answer }),
            Err(error) => json!({ "error": error }),
        });
        drop(place);
    });
    ending
}

/// Starts a run in real time, if the call asks for one.
fn in_real_time(call: &Call) -> Option<std::io::Result<Running>> {
    let Call::Show { words } = call else { return None };
    let scenario = call.scenario().ok().flatten()?;
    let is_ours = scenario.path.is_real_time() && PATHS.contains(&scenario.path);
    is_ours.then(|| Running::start(words))
}
