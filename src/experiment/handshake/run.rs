//! The connections of one seed.

use super::{HandshakeOutcome, HandshakePlan, handshakes};
use crate::{
    capture::Recording,
    channel::{Exchange, Reading, Settings},
    experiment::{
        error::RunError,
        on_path::{OnPath, Route, on_path},
        settings::session_settings,
    },
    path::StopSignal,
    transport::quic::QuicLimits,
};

/// Makes the connections of `plan` once on its path. In virtual time the outcome is a pure function of the arguments.
/// Ends soon after `stop` is set, with the connections made
/// until then.
///
/// Returns an error if the server cannot listen, or if the path could not be made, could not complete, or broke;
/// [`RunError::Interrupted`] if `stop` was set before the first connection was made.
pub fn handshake(
    plan: &HandshakePlan,
    seed: u64,
    stop: &StopSignal,
    recording: &Recording,
) -> Result<HandshakeOutcome, RunError> {
    let mut route = Route::new(plan.path, &plan.links, plan.congestion, seed, stop);
    recording.observe(&mut route.observers);
    let mut settings = settings(plan, plan.path.has_link().then_some(seed))?;
    settings.session.record(recording);
    let OnPath { value, fidelity, .. } = on_path(route, async |ends, wire| {
        handshakes(ends, plan, &settings, seed, stop, &|| wire.counters()).await
    })?;
    if value.interrupted && value.connections == 0 {
        return Err(RunError::Interrupted);
    }
    Ok(HandshakeOutcome { fidelity, ..value })
}

/// Streams that a client may open; it needs two.
const STREAMS: u32 = 16;

/// The settings of both ends.
pub(in crate::experiment) fn settings(plan: &HandshakePlan, seed: Option<u64>) -> Result<Settings, RunError> {
    let limits = QuicLimits { streams: STREAMS, ..QuicLimits::EXPERIMENT };
    let mut session = session_settings(&plan.setup(), seed, limits, plan.certificate)?;
    if let Some(tls) = &mut session.server_tls {
        tls.early_data = plan.mode == super::Mode::ZeroRtt;
    }
    Ok(Settings {
        exchange: Exchange::Answers,
        flows: 1,
        request: plan.length,
        reply: plan.length,
        reading: Reading::Unordered,
        session,
        taps: None,
    })
}
