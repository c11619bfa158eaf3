//! What both ends of a run are set to.

use std::time::Duration;

use crate::{
    channel::{Exchange, Reading, Settings},
    experiment::{error::RunError, plan::Plan, settings::session_settings, workload::Workload},
    path::sim::Limits,
    transport::{Mapping, Transport, quic::QuicLimits},
    unit::Time,
};

/// The settings of both ends of a run of `plan`. With a `seed`, QUIC draws its connection ids and keys from it.
///
/// Returns an error if no certificate can be made.
pub fn settings(plan: &Plan, seed: Option<u64>) -> Result<Settings, RunError> {
    let exchange = plan.workload.application.exchange();
    let limits = limits_of_streams(plan.transport);
    Ok(Settings {
        exchange,
        flows: match exchange {
            Exchange::BothWays => plan.workload.flows / 2,
            Exchange::Answers | Exchange::OneWay => plan.workload.flows,
        },
        request: plan.workload.length,
        reply: plan.workload.reply_length,
        reading: Reading::Unordered,
        session: session_settings(&plan.setup(), seed, limits, 0)?,
        taps: None,
    })
}

/// quinn sets up every stream that may be opened, which would take a tenth of a run that uses few. The lower limit is
/// encoded in as many bytes, so that the handshake is of the same length for every mapping.
fn limits_of_streams(transport: Transport) -> QuicLimits {
    const FEW: u32 = 16_384;
    match transport.mapping() {
        Some(Mapping::Message) => QuicLimits::EXPERIMENT,
        _ => QuicLimits { streams: FEW, ..QuicLimits::EXPERIMENT },
    }
}

/// Ten times the planned duration, and an hour for retransmissions.
pub(in crate::experiment) fn limits(workload: &Workload) -> Limits {
    let hour = Duration::from_secs(3600);
    let planned = workload.warmup + workload.duration + workload.wait.most;
    Limits { until: Time::ZERO + planned.saturating_mul(10) + hour, ..Limits::default() }
}
