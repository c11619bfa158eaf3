//! What a closed form expects of a cell: isolated losses on the way to the server, and ordered delivery.
//!
//! A lost packet is found out by the acknowledgement of packets sent after it, and its bytes come
//! `D = RTT + min(P d, max(d, (T - 1) RTT))` after it should have arrived: the packet threshold `P` and the time
//! threshold of `T` round trips of RFC 9002 section 6.1, with a packet every `d`. Reliability by hand has the same two
//! thresholds ([`crate::arq`]), so its `D` is the same. Over `N` streams that take turns, each holds
//! back `k = ceil(D / (N d)) - 1` messages behind it, the `j`-th for `D - j N d`. First order in the loss `p`: losses
//! whose episodes overlap are not counted twice.

use std::time::Duration;

use crate::{
    experiment::{application::Application, plan::Plan, workload::Arrivals},
    link::{LinkSpec, Loss, LossBy, obstacle},
    transport::{ClosedForm, Congestion, OrderedUnit},
    unit::PerDirection,
};

/// What is expected, as shares of delivered messages and a mean over them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theory {
    /// Share of messages delayed by recovery or order.
    pub delayed: f64,
    /// Share of messages that lay complete behind a gap.
    pub blocked: f64,
    /// Mean of recovery, in seconds.
    pub recovery: f64,
    /// Mean of order wait, in seconds.
    pub order_wait: f64,
}

/// Upper bound on the stream bytes in a QUIC packet before MTU discovery: longer messages take several packets.
const ONE_PACKET_BYTES: usize = 1100;
/// The part of a probe timeout that is not the round trip (RFC 9002 section 6.2.1): 25 ms of acknowledgement delay
/// and the granularity of 1 ms.
const PROBE_MARGIN: Duration = Duration::from_millis(26);

impl Theory {
    const NOTHING: Self = Self { delayed: 0.0, blocked: 0.0, recovery: 0.0, order_wait: 0.0 };

    /// What the closed form expects of `plan`, or why there is none. The error is the reason, in words.
    pub fn of(plan: &Plan) -> Result<Self, &'static str> {
        if !plan.path.has_link() {
            return Err("there is no emulated link");
        }
        let min_timeout = match plan.transport.spec().closed_form {
            ClosedForm::Unknown(reason) => return Err(reason),
            ClosedForm::NoDelay => return Ok(Self::NOTHING),
            ClosedForm::FastRetransmit { min_timeout } => min_timeout,
        };
        let PerDirection { to_server, to_client } = &plan.links;
        let share = independent(to_server)?;
        if independent(to_client)? > 0.0 {
            return Err(
                "loss both ways: acknowledgements and replies are lost too (try --to-client loss=0%)",
            );
        }
        applies(plan, min_timeout)?;
        Ok(isolated(share, to_server.delay + to_client.delay, plan))
    }

    /// Mean of what loss and order cost together, in seconds.
    pub fn extra(&self) -> f64 {
        self.recovery + self.order_wait
    }
}

/// The independent loss of one direction.
fn independent(link: &LinkSpec) -> Result<f64, &'static str> {
    match (&link.loss, link.loss_by) {
        (Loss::Independent(share), LossBy::Packet) => Ok(share.ratio()),
        (loss, _) if *loss == Loss::NONE => Ok(0.0),
        (Loss::Drop(_) | Loss::Outage { .. }, _) => Err("losses are listed, not drawn"),
        _ => Err("losses come in bursts, and the form is for isolated ones"),
    }
}

fn applies(plan: &Plan, min_timeout: Option<Duration>) -> Result<(), &'static str> {
    let Plan { links, workload, .. } = plan;
    if workload.application != Application::Messages {
        return Err("the form is for independent messages with replies");
    }
    let rtt = links.to_server.delay + links.to_client.delay;
    if !matches!(plan.congestion, Congestion::Fixed(_)) {
        return Err("the congestion controller's window delays messages too (try -C fixed)");
    }
    if let Some(obstacle) = links.iter().filter_map(obstacle).min() {
        return Err(obstacle.reason());
    }
    if workload.arrivals != Arrivals::Isochronous {
        return Err("arrivals are random, and the form is for equal intervals");
    }
    if workload.length.max(workload.reply_length) > ONE_PACKET_BYTES {
        return Err("messages of several packets");
    }
    if min_timeout.is_some_and(|least| workload.interval * 2 >= rtt.max(least)) {
        return Err("messages are so far apart that the retransmission timer finds the loss first");
    }
    if workload.interval >= rtt + PROBE_MARGIN {
        return Err("messages are so far apart that a probe timeout finds the loss first");
    }
    Ok(())
}

fn isolated(p: f64, rtt: Duration, plan: &Plan) -> Theory {
    let Plan { transport, workload, loss_detection, .. } = plan;
    let (rtt, d) = (rtt.as_secs_f64(), workload.interval.as_secs_f64());
    let packets = f64::from(loss_detection.packet_threshold);
    let time = f64::from(loss_detection.time_threshold.round_trips()) - 1.0;
    let detour = rtt + (packets * d).min(d.max(time * rtt));
    let streams = match transport.ordered_unit() {
        OrderedUnit::All => 1.0,
        OrderedUnit::Flow => f64::from(workload.flows),
        OrderedUnit::Message => f64::INFINITY,
    };
    // Rounding errors of the quotient must not add a message.
    let held = (libm::ceil(detour / (streams * d) - 1e-9) - 1.0).max(0.0) as u32;
    let waits = (1..=held).map(|j| detour - f64::from(j) * streams * d);
    let survives = |n: u32| (0..n).fold(1.0, |product, _| product * (1.0 - p));
    Theory {
        delayed: 1.0 - survives(held + 1),
        blocked: (1.0 - p) * (1.0 - survives(held)),
        recovery: p * detour,
        order_wait: p * waits.sum::<f64>(),
    }
}
