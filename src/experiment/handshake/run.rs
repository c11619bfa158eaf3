//! The connections of one seed.

use super::{HandshakeOutcome, HandshakePlan, handshakes};
use crate::{
    capture::Recording,
    channel::{Reading, Settings},
    experiment::{
        error::RunError,
        on_path::{OnPath, Route, on_path},
        settings::{arq_settings, ephemeral_tls, experiment_key},
    },
    path::{Observers, StopSignal, sim::Limits},
    transport::{
        SessionSettings,
        quic::{QuicLimits, QuicSettings},
        tls::ServerTls,
    },
};

/// Makes the connections of `plan` once on its path. In virtual time the outcome is a pure function of the arguments,
/// but for the keys in certificates, whose length is fixed. Ends soon after `stop` is set, with the connections made
/// until then.
///
/// Returns an error if the server cannot listen, or if the path could not be made, could not complete, or broke;
/// [`RunError::Interrupted`] if `stop` was set before the first connection was made.
pub fn handshake(plan: &HandshakePlan, seed: u64, stop: &StopSignal) -> Result<HandshakeOutcome, RunError> {
    handshake_recorded(plan, seed, stop, &Recording::default())
}

/// Like [`handshake`], recorded in files.
pub(super) fn handshake_recorded(
    plan: &HandshakePlan,
    seed: u64,
    stop: &StopSignal,
    recording: &Recording,
) -> Result<HandshakeOutcome, RunError> {
    let mut observers = Observers::default();
    recording.observe(&mut observers);
    let route = Route {
        path: plan.path,
        links: &plan.links,
        seed,
        congestion: plan.congestion,
        limits: Limits::default(),
        stop: stop.clone(),
        observers,
    };
    let mut settings = settings(plan, plan.path.has_link().then_some(seed))?;
    settings.session.log_secrets(recording.key_log());
    let OnPath { value, fidelity, .. } = on_path(route, async |ends, wire| {
        handshakes(ends, plan, &settings, (seed, stop), &|| wire.counters()).await
    })?;
    if value.interrupted && value.connections == 0 {
        return Err(RunError::Interrupted);
    }
    Ok(HandshakeOutcome { fidelity, ..value })
}

/// Streams that a client may open; it needs two.
const STREAMS: u32 = 16;

/// The settings of both ends.
fn settings(plan: &HandshakePlan, seed: Option<u64>) -> Result<Settings, RunError> {
    let (client_tls, server_tls) = ephemeral_tls(plan.transport, plan.certificate)?;
    let early_data = plan.mode == super::Mode::ZeroRtt;
    let limits = QuicLimits { streams: STREAMS, ..QuicLimits::EXPERIMENT };
    Ok(Settings {
        flows: 1,
        request: plan.length,
        reply: plan.length,
        reading: Reading::Unordered,
        session: SessionSettings {
            quic: QuicSettings { congestion: plan.congestion, seed, limits },
            arq: arq_settings(&plan.links, plan.congestion, seed),
            client_tls,
            server_tls: server_tls.map(|tls| ServerTls { early_data, ..tls }),
            shared_key: experiment_key(),
        },
        taps: None,
    })
}
