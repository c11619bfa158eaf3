//! What a closed form expects of a cell: isolated losses on the way to the server, and ordered delivery.
//!
//! A lost packet is found out by the acknowledgement of packets sent after it, and its bytes come
//! `D = RTT + min(P d, max(d, (T - 1) RTT))` after it should have arrived: the packet threshold `P` and the time
//! threshold of `T` round trips of RFC 9002 section 6.1, with a packet every `d`. Reliability by hand has the same two
//! thresholds ([`crate::arq`]), so its `D` is the same. The packet that reveals the loss and the copy may be lost as
//! well, which makes the recovery `R` of a message longer ([`Recovery`]).
//!
//! On `N` streams that take turns, a message comes when it and all before it on its stream have come, so it is late by
//! the largest of `R(j) - j N d` over `j = 0, 1, ...`, the `j`-th before it. The `R(j)` are taken as independent: the
//! probability to be late by at most `x` is the product of those of `R <= x + j N d`. They are not quite, because losses
//! next to each other are repaired together. That is why the loss is bounded ([`MOST_LOSS`], [`MOST_LATER`]).

use std::time::Duration;

use super::lateness::{Recovery, Repairs};
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

/// The most loss. Above it, it matters that what is lost together is found and repaired together.
const MOST_LOSS: f64 = 0.1;
/// The most that a repair may come later on average because the next packet is lost too, as a share of the repair.
const MOST_LATER: f64 = 0.01;
/// Upper bound on the headers of a packet with a message.
const HEADERS: f64 = 100.0;
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
        let (min_timeout, one_packet_bytes) = match plan.transport.spec().closed_form {
            ClosedForm::Unknown(reason) => return Err(reason),
            ClosedForm::NoDelay => return Ok(Self::NOTHING),
            ClosedForm::FastRetransmit { min_timeout, one_packet_bytes } => (min_timeout, one_packet_bytes),
        };
        let PerDirection { to_server, to_client } = &plan.links;
        let share = independent(to_server)?;
        if independent(to_client)? > 0.0 {
            return Err(if share > 0.0 {
                "loss both ways: acknowledgements and replies are lost too (try --to-client loss=0%)"
            } else {
                "loss on the way to the client: the form is for loss on the way to the server (try --to-client loss=0%)"
            });
        }
        applies(plan, min_timeout)?;
        let longest = plan.workload.length.max(plan.workload.reply_length);
        if longest > one_packet_bytes(to_server.mtu.min(to_client.mtu)) {
            return Err("messages of several packets");
        }
        let repairs = repairs(plan);
        rarely_lost(share, &repairs)?;
        has_room(plan, &repairs)?;
        Ok(expected(share, &repairs, plan))
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
    let rtt = round_trip(plan);
    if !matches!(plan.congestion, Congestion::Fixed(_)) {
        return Err("the congestion controller's window delays messages too (try -C fixed)");
    }
    if let Some(obstacle) = links.iter().filter_map(obstacle).min() {
        return Err(obstacle.reason());
    }
    if workload.arrivals != Arrivals::Isochronous {
        return Err("arrivals are random, and the form is for equal intervals");
    }
    if min_timeout.is_some_and(|least| workload.interval * 2 >= rtt.max(least)) {
        return Err("messages are so far apart that the retransmission timer finds the loss first");
    }
    if workload.interval >= rtt + PROBE_MARGIN {
        return Err("messages are so far apart that a probe timeout finds the loss first");
    }
    Ok(())
}

fn round_trip(plan: &Plan) -> Duration {
    plan.links.to_server.delay + plan.links.to_client.delay
}

fn repairs(plan: &Plan) -> Repairs {
    Repairs {
        round_trip: round_trip(plan).as_secs_f64(),
        interval: plan.workload.interval.as_secs_f64(),
        detection: plan.loss_detection,
    }
}

fn rarely_lost(share: f64, repairs: &Repairs) -> Result<(), &'static str> {
    if share > MOST_LOSS || share * repairs.interval > MOST_LATER * repairs.first() {
        return Err("so much is lost that losses next to each other are often found and repaired together");
    }
    Ok(())
}

/// Whether the fixed window has room for what is sent until a loss is repaired.
fn has_room(plan: &Plan, repairs: &Repairs) -> Result<(), &'static str> {
    let sent = (repairs.first() / repairs.interval + 1.0) * (plan.workload.length as f64 + HEADERS);
    match plan.congestion {
        Congestion::Fixed(window) if sent > window as f64 => {
            Err("what is sent until a loss is repaired fills the fixed window (try a larger -C fixed:BYTES)")
        }
        _ => Ok(()),
    }
}

fn expected(share: f64, repairs: &Repairs, plan: &Plan) -> Theory {
    let recovery = Recovery::new(share, repairs);
    let streams = match plan.transport.ordered_unit() {
        OrderedUnit::All => 1,
        OrderedUnit::Flow => plan.workload.flows,
        OrderedUnit::Message => {
            let mean = recovery.mean();
            return Theory { delayed: share, blocked: 0.0, recovery: mean, order_wait: 0.0 };
        }
    };
    let spacing = f64::from(streams) * repairs.interval;
    Theory {
        delayed: recovery.delayed(spacing),
        blocked: recovery.blocked(spacing),
        recovery: recovery.mean(),
        order_wait: recovery.mean_lateness(spacing) - recovery.mean(),
    }
}
