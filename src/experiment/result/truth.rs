//! Losses on the link, compared with those that the senders declared, pooled over runs.

use crate::{
    report::{FoundLosses, LossCauses, Truth},
    tap::{Found, LossCause, TruthFigures},
    transport::Transport,
    unit::nanos,
};

/// The sum over runs of a transport; `None` if it is not known of one.
pub(in crate::experiment) fn truth<'a>(
    transport: Transport,
    runs: impl Iterator<Item = Option<&'a TruthFigures>>,
) -> Option<Truth> {
    let mut sum = TruthFigures::default();
    for run in runs {
        sum += run?;
    }
    Some(Truth {
        resent_packets: sum.resent,
        needless_packets: sum.needless,
        false_losses: sum.false_losses,
        undeclared_losses: sum.undeclared,
        detection_ns: sum.detection.summary(),
        by_cause: (!transport.uses_kernel_tcp()).then(|| by_cause(&sum)),
    })
}

fn by_cause(sum: &TruthFigures) -> LossCauses {
    let found = |cause: LossCause| {
        let Found { losses, false_losses, took } = sum.by_cause[cause as usize];
        FoundLosses { losses, false_losses, detection_mean_ns: nanos(took).checked_div(losses) }
    };
    LossCauses {
        packet_threshold: found(LossCause::PacketThreshold),
        time_threshold: found(LossCause::TimeThreshold),
        duplicate_acks: found(LossCause::DuplicateAcks),
        timeout: found(LossCause::Timeout),
        probe: found(LossCause::Probe),
        repeated_flight: found(LossCause::RepeatedFlight),
    }
}
