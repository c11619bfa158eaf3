//! One run of `share`.

use serde::{Deserialize, Serialize};

use super::SharePlan;
use crate::{
    experiment::{
        RunError,
        driver::Job,
        on_path::{OnPath, Route, on_path},
        senders::{Flows, FlowsOutcome},
    },
    link::Counters,
    path::{EcnCounts, Fidelity, QueueDelays},
    transport::Congestion,
    unit::PerDirection,
};

/// What one run has shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ShareOutcome {
    pub(super) flows: FlowsOutcome,
    /// What the link did, in each direction.
    pub(super) wire: Option<PerDirection<Counters>>,
    /// How long packets waited in the queues.
    pub(super) queue: Option<QueueDelays>,
    /// The packets of the run by their ECN field; `None` if the link does not use ECN.
    pub(super) ecn: Option<PerDirection<EcnCounts>>,
    /// How exactly the path emulated the link.
    pub(super) fidelity: Option<Fidelity>,
    /// It was ended from outside.
    pub(super) interrupted: bool,
}

/// Runs all senders of `plan` once. In virtual time the outcome is a pure function of plan and seed.
///
/// Returns an error if a sender could not connect, or if the path could not be made, could not complete, or broke.
pub(super) fn run(plan: &SharePlan, job: &Job<'_>) -> Result<ShareOutcome, RunError> {
    let mut flows = Flows::new(&plan.flows(), plan.path, &plan.links, job.seed)?;
    // Each sender sets its own controller.
    let mut route = Route::new(plan.path, &plan.links, Congestion::Cubic, job.seed, job.stop);
    flows.observe(&mut route.observers);
    job.recording.observe(&mut route.observers);
    flows.record(&job.recording);
    let OnPath { value: (outcome, wire), queue, ecn, fidelity, .. } = on_path(route, async |ends, wire| {
        let mut outcome = flows.run(ends, plan.duration, job.stop).await?;
        // Both are read at one instant: the kernel's TCP still closes connections after the senders have ended.
        let counters = wire.counters();
        flows.count(&mut outcome);
        Ok((outcome, counters))
    })?;
    Ok(ShareOutcome { flows: outcome, wire, queue, ecn, fidelity, interrupted: job.stop.is_set() })
}
