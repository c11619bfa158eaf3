//! How much memory a run takes, estimated before it starts: messages that wait for a transport that falls behind.

use crate::{
    experiment::plan::Plan,
    link::{LinkSettings, LinkSpec, QueueLimit},
    transport::{Congestion, Mapping, Shape},
};

/// What is kept of each message until the end of a run.
const RECORD: f64 = 50.0;
/// What a message takes besides its bytes.
const OVERHEAD: f64 = 100.0;
/// What waits of a message for a QUIC stream: its bytes are made when the stream has room.
const FOR_STREAM: f64 = 400.0;
/// Bytes of a segment.
const SEGMENT: f64 = 1460.0;

/// The most bytes that a run of `plan` holds at a time.
pub(super) fn estimate(plan: &Plan) -> u64 {
    let workload = &plan.workload;
    let seconds = (workload.warmup + workload.duration).as_secs_f64();
    let sent = 1.0 / workload.interval.as_secs_f64();
    let length = workload.length.max(workload.reply_length) as f64;
    let round_trip = plan.links.iter().map(|link| link.delay.as_secs_f64()).sum::<f64>();
    let (each, carried) = match plan.transport.shape() {
        Shape::Datagrams => (length + OVERHEAD, bottleneck(plan)),
        Shape::Quic(Mapping::One | Mapping::Flow | Mapping::Message) => {
            (FOR_STREAM, window(plan, round_trip))
        }
        _ => (length + OVERHEAD, window(plan, round_trip)),
    };
    let waiting = (sent - carried / length).max(0.0) * seconds * each;
    let in_flight = sent.min(carried / length) * round_trip.min(seconds) * (length + OVERHEAD) * 2.0;
    (waiting + in_flight + sent * seconds * RECORD) as u64
}

/// Bytes per second that the link carries before packets wait without bound.
fn bottleneck(plan: &Plan) -> f64 {
    let rate = |link: &LinkSpec| {
        let rate = link.rate.filter(|_| link.queue == QueueLimit::Unlimited);
        rate.map_or(f64::INFINITY, |rate| rate.bits_per_second() as f64 / 8.0)
    };
    if plan.path.has_link() {
        plan.links.iter().map(rate).fold(f64::INFINITY, f64::min)
    } else {
        f64::INFINITY
    }
}

/// Bytes per second that the congestion controller lets through: its window each round trip. That of the others is
/// estimated by the loss (Mathis et al., "The macroscopic behavior of the TCP congestion avoidance algorithm").
fn window(plan: &Plan, round_trip: f64) -> f64 {
    if !plan.path.has_link() {
        return f64::INFINITY;
    }
    let loss = plan.links.iter().filter_map(|link| LinkSettings::of(link).ratio("loss_ratio"));
    let window = match (plan.congestion, loss.fold(0.0, f64::max)) {
        (Congestion::Fixed(bytes), _) => bytes as f64,
        (_, 0.0) => f64::INFINITY,
        (_, loss) => 1.22 * SEGMENT / libm::sqrt(loss),
    };
    let rate = |link: &LinkSpec| link.rate.map_or(f64::INFINITY, |rate| rate.bits_per_second() as f64 / 8.0);
    let rate = plan.links.iter().map(rate).fold(f64::INFINITY, f64::min);
    if round_trip > 0.0 { rate.min(window / round_trip) } else { rate }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        experiment::{PathKind, Workload},
        transport::{LossDetection, Transport},
        unit::PerDirection,
    };

    fn plan(transport: Transport) -> Plan {
        let link: LinkSpec = "delay=25ms,loss=1%".parse().unwrap();
        Plan {
            path: PathKind::Sim,
            transport,
            links: PerDirection::both(link),
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
            workload: Workload { warmup: Duration::ZERO, ..Workload::usual(Duration::from_millis(100)) },
        }
    }

    fn megabytes(transport: Transport, interval: Duration, seconds: u64) -> u64 {
        let mut plan = plan(transport);
        plan.workload.interval = interval;
        plan.workload.duration = Duration::from_secs(seconds);
        estimate(&plan) / 1_000_000
    }

    /// The peaks that were measured: 131, 165, 1,050 and less than 200 MB.
    #[test]
    fn an_estimate_is_as_large_as_what_was_measured_and_not_ten_times_as_large() {
        let us = Duration::from_micros(1);
        for (transport, measured) in
            [(Transport::UDP, 131), (Transport::QUIC_ONE, 165), (Transport::ARQ_SELECTIVE, 1050)]
        {
            let estimate = megabytes(transport, us, 1);
            assert!((measured..10 * measured).contains(&estimate), "{transport}: {estimate} MB");
        }
        assert!(megabytes(Transport::UDP, Duration::from_millis(1), 3600) < 250);
        assert!(megabytes(Transport::QUIC_ONE, Duration::from_millis(10), 60) < 10);
        let brief = Plan {
            workload: Workload {
                duration: us,
                interval: Duration::from_nanos(1),
                ..plan(Transport::UDP).workload
            },
            ..plan(Transport::UDP)
        };
        assert!(estimate(&brief) < 10_000_000, "a thousand messages: {}", estimate(&brief));
    }
}
