//! Two hosts and the wire between them, on any path: the only code that knows one path from another.

#[cfg(not(real_time))]
#[path = "no_sockets.rs"]
mod real_time;
#[cfg(real_time)]
mod real_time;
mod route;
mod virtual_time;

use std::{future::Future, sync::Arc, time::Duration};

pub use self::route::{Ends, OnPath, Route, Wire};
use super::{error::RunError, path_kind::PathKind};
use crate::path::{CLOSING, EcnMeter, Host, Observers, QueueMeter, StopSignal};

/// Runs `run` between two hosts on `route`. In virtual time the result is a pure function of the arguments; on the
/// other paths `run` takes as long as it takes.
///
/// Returns the error of `run`, or why the path could not be made, could not complete, or broke.
pub fn on_path<T>(
    route: Route<'_>,
    run: impl AsyncFnOnce(&Ends, &Wire<'_>) -> Result<T, RunError>,
) -> Result<OnPath<T>, RunError> {
    let stop = route.stop.clone();
    let run =
        async |ends: &Ends, wire: &Wire<'_>| unless_overdue(&*ends.client, &stop, run(ends, wire)).await;
    let meter = route.path.has_link().then(|| QueueMeter::new(route.links)).flatten();
    let mut route = route;
    if let Some(meter) = &meter {
        route.observers.push(Box::new(meter.clone()));
    }
    let ecn = route.path.has_link().then(|| EcnMeter::new(route.links)).flatten();
    if let Some(ecn) = &ecn {
        route.observers.push(Box::new(ecn.clone()));
    }
    let on_path = match route.path {
        PathKind::Sim => virtual_time::on_path(route, meter.as_ref(), run)?,
        PathKind::Relay | PathKind::Netns | PathKind::Direct => {
            real_time::on_path(route, meter.as_ref(), run)?
        }
    };
    let (queue, ecn) = (meter.as_ref().map(QueueMeter::delays), ecn.as_ref().map(EcnMeter::counts));
    Ok(OnPath { queue, ecn, ..on_path })
}

/// Runs `run` on a host of this machine's, against remote servers, and abandons it if it does not end soon after
/// `stop` is set. `observers` see the packets of its UDP sockets.
pub(super) fn on_this_machine<T>(
    stop: &StopSignal,
    observers: Observers,
    run: impl AsyncFnOnce(&Arc<dyn Host>) -> Result<T, RunError>,
) -> Result<T, RunError> {
    real_time::on_this_machine(observers, async |host| {
        let result = unless_overdue(&**host, stop, run(host)).await;
        host.sleep(CLOSING).await;
        result
    })
}

/// Settings of the kernel that affect results in real time, and those `in_namespaces`, by name.
pub(super) fn system_settings(in_namespaces: bool) -> Vec<(String, String)> {
    real_time::system_settings(in_namespaces)
}

/// How long a run may take to end after `stop` is set.
const GRACE: Duration = Duration::from_millis(700);

/// Runs `run`, which should end by itself when `stop` is set, and abandons it if it does not.
async fn unless_overdue<T>(
    host: &dyn Host,
    stop: &StopSignal,
    run: impl Future<Output = Result<T, RunError>>,
) -> Result<T, RunError> {
    let overdue = async {
        stop.stopped().await;
        host.sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        result = run => result,
        () = overdue => Err(RunError::Interrupted),
    }
}
