//! How much memory a run takes, estimated before it starts: messages under way, those that wait for a transport that
//! falls behind, and those that may be lost.

use super::without_sockets;
use crate::{
    experiment::{application::Application, plan::Plan},
    link::{LinkSettings, LinkSpec, QueueLimit},
    transport::{Congestion, Mapping, Shape, quic::QuicLimits},
};

/// What a message takes besides its bytes.
const OVERHEAD: f64 = 200.0;
/// What a stream of QUIC takes besides the bytes of its message.
const STREAM: f64 = 1500.0;
/// What is kept of a datagram that may still come back.
const RECENT: f64 = 150.0;
/// What is kept of a lost datagram whose reply may still come.
const LATE: f64 = 400.0;
/// Bytes of a segment.
const SEGMENT: f64 = 1460.0;
/// Round trips in which a congestion window grows to what the link carries.
const SLOW_START: f64 = 10.0;

/// The most bytes that a run of `plan` holds at a time.
pub(super) fn estimate(plan: &Plan) -> u64 {
    let workload = &plan.workload;
    let seconds = (workload.warmup + workload.duration).as_secs_f64();
    let sent = 1.0 / workload.interval.as_secs_f64();
    let length = workload.length.max(workload.reply_length) as f64;
    let round_trip = plan.links.iter().map(|link| link.delay.as_secs_f64()).sum::<f64>();
    let (carried, under_way) = match plan.transport.shape() {
        Shape::Datagrams => (bottleneck(plan), round_trip),
        _ => (window(plan, round_trip), round_trip * SLOW_START),
    };
    let held = if without_sockets::suits(plan) { 0.0 } else { length };
    let waiting = waiting(plan, (sent - carried / length).max(0.0) * seconds, held);
    let in_flight = sent.min(carried / length) * under_way.min(seconds) * (held + OVERHEAD) * 2.0;
    (waiting + in_flight + unanswered(plan, sent, seconds)) as u64
}

/// What `messages` take that wait for the transport, if one holds this many bytes.
fn waiting(plan: &Plan, messages: f64, held: f64) -> f64 {
    let QuicLimits { streams, send_buffer, .. } = QuicLimits::EXPERIMENT;
    let bytes = match plan.transport.shape() {
        // Beyond these, the bytes of a message are not made yet.
        Shape::Quic(Mapping::Message) => messages.min(streams.into()) * (held + STREAM),
        Shape::Quic(_) => (messages * held).min(send_buffer as f64),
        _ => messages * held,
    };
    bytes + messages * OVERHEAD
}

/// Bytes for datagrams whose reply may still come. Streams need none, because they lose nothing.
fn unanswered(plan: &Plan, sent: f64, seconds: f64) -> f64 {
    if !plan.transport.is_datagram() {
        return 0.0;
    }
    let lost = 1.0 - plan.links.iter().map(|link| 1.0 - loss(link)).product::<f64>();
    let wait = plan.patient(None).workload.wait.most.as_secs_f64().min(seconds);
    // Where the wire tells that nothing is on its way, lost messages are given up.
    let has_end = !plan.path.is_real_time()
        && plan.transport.shape() == Shape::Datagrams
        && !matches!(plan.workload.application, Application::Game(_));
    let late = if has_end { wait } else { seconds };
    sent * (wait * RECENT + late * lost * LATE)
}

fn loss(link: &LinkSpec) -> f64 {
    LinkSettings::of(link).ratio("loss_ratio").unwrap_or(0.0)
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
    let loss = plan.links.iter().map(loss).fold(0.0, f64::max);
    let window = match (plan.congestion, loss) {
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

    fn megabytes(plan: &Plan, interval: Duration, seconds: u64) -> u64 {
        let duration = Duration::from_secs(seconds);
        let workload = Workload { interval, duration, ..plan.workload.clone() };
        estimate(&Plan { workload, ..plan.clone() }) / 1_000_000
    }

    /// `tests/allocation.rs` compares estimates with what runs take.
    #[test]
    fn the_length_of_a_run_matters_only_where_lost_messages_are_kept() {
        let ms = Duration::from_millis(1);
        for transport in [Transport::UDP, Transport::UDP_HMAC, Transport::DTLS] {
            let plan = plan(transport);
            assert_eq!(megabytes(&plan, ms, 10), megabytes(&plan, ms, 1_000_000), "{transport}");
            assert!(megabytes(&plan, ms, 10) < 20, "{transport}");
            let on_netns = Plan { path: PathKind::Netns, ..plan };
            let kept = megabytes(&on_netns, ms, 1_000_000) - megabytes(&on_netns, ms, 10);
            assert!((1000..20_000).contains(&kept), "2% of a billion: {kept} MB");
        }
        let fixed = Plan { congestion: Congestion::Fixed(1 << 30), ..plan(Transport::QUIC_ONE) };
        assert_eq!(megabytes(&fixed, ms, 10), megabytes(&fixed, ms, 1_000_000));
    }
}
