//! Figures pooled over seeds.

use std::time::Duration;

use super::{seeds::Pool, truth::truth};
use crate::{
    experiment::{
        application::{Application, game::judge::Ages, video::judge::VideoFigures},
        plan::Plan,
        record::{blocking::OrderFigures, budget::BudgetSums, outcome::Outcome},
        workload::Workload,
    },
    link::Counters,
    path::{Fidelity, TcpRetransmissions, ThreadUsage},
    report::{self, Flag, Ratio},
    stats::{Histogram, Percentile, Pooled, Seeds, ci95},
    transport::{LimitedBy, Recovery, Transport},
    unit::{PerDirection, nanos},
};

impl Pool<'_, Outcome> {
    pub(super) fn each(&self, of: impl Fn(&Outcome) -> &Histogram) -> Vec<Histogram> {
        self.0.iter().map(|(_, outcome)| of(outcome).clone()).collect()
    }

    pub(super) fn messages(&self) -> report::Messages {
        report::Messages {
            scheduled: self.sum(|outcome| outcome.messages.scheduled),
            sent: self.sum(|outcome| outcome.messages.sent),
            delivered: self.sum(|outcome| outcome.messages.delivered),
            on_time: Some(self.sum(|outcome| outcome.messages.on_time)),
            lost: self.sum(|outcome| outcome.messages.lost),
            unfinished: self.sum(|outcome| outcome.messages.unfinished),
            unknown: self.sum(|outcome| outcome.messages.unknown),
            duplicated: Some(self.sum(|outcome| outcome.messages.duplicated)),
            reordered: Some(self.sum(|outcome| outcome.messages.reordered)),
            corrupted: Some(self.sum(|outcome| outcome.messages.corrupted)),
            rejected: self.0.iter().map(|(_, outcome)| outcome.messages.rejected).sum(),
        }
    }

    pub(super) fn connect(&self) -> Histogram {
        let mut connect = Histogram::new();
        let times = self.0.iter().filter_map(|(_, outcome)| outcome.connect);
        times.for_each(|time| connect.record(nanos(time)));
        connect
    }

    fn budgets(&self) -> BudgetSums {
        let mut sums = BudgetSums::default();
        self.0.iter().for_each(|(_, outcome)| sums.merge(&outcome.budget));
        sums
    }

    /// The mean of each part; `None` where the path cannot know.
    pub(super) fn budget(&self) -> Option<report::Budget> {
        let sums = self.budgets();
        let mean = |sum: u128| u64::try_from((sum + u128::from(sums.n) / 2).checked_div(sums.n.into())?).ok();
        let [send_wait, path, recovery, order_wait, host] = sums.parts.map(mean);
        let queue = mean(sums.queue);
        (sums.n > 0).then_some(report::Budget { send_wait, path, queue, recovery, order_wait, host })
    }

    /// Messages that loss or order delayed; `None` where the path cannot know.
    pub(super) fn delayed(&self) -> Option<report::Delayed> {
        let known = self.budgets().n;
        let extra = self.merge(|outcome| &outcome.extra);
        let mean = extra.sum().checked_div(known.into()).and_then(|mean| u64::try_from(mean).ok());
        (known > 0).then(|| report::Delayed {
            n: extra.n(),
            ratio: Ratio::of(extra.n(), known),
            extra_ns: extra.summary(),
            extra_mean_ns: mean,
        })
    }

    pub(super) fn hol(&self) -> report::Hol {
        let both = self.direction(|outcome| &outcome.order);
        report::Hol {
            blocked: both.blocked,
            blocked_ratio: both.blocked_ratio,
            by_other_flow_ratio: both.by_other_flow_ratio,
            wait_ns: both.wait_ns,
            total_wait_ns: both.total_wait_ns,
            by_cause: both.by_cause,
            longest_stall: both.longest_stall,
            // A remote server that reports nothing may have held messages too.
            to_server: (!self.is_remote() || self.has_reports())
                .then(|| self.direction(|outcome| &outcome.order_by_direction.to_server)),
            to_client: Some(self.direction(|outcome| &outcome.order_by_direction.to_client)),
        }
    }

    fn direction(&self, of: impl Fn(&Outcome) -> &OrderFigures) -> report::HolDirection {
        let blocked = self.sum(|outcome| of(outcome).blocked);
        let wait = self.merge(|outcome| &of(outcome).wait);
        let stalls = self.0.iter().filter_map(|(_, outcome)| of(outcome).longest_stall);
        report::HolDirection {
            blocked,
            blocked_ratio: Ratio::of(blocked, self.sum(|outcome| outcome.messages.delivered)),
            by_other_flow_ratio: Ratio::of(self.sum(|outcome| of(outcome).by_other_flow), blocked),
            wait_ns: wait.summary(),
            total_wait_ns: u64::try_from(wait.sum()).unwrap_or(u64::MAX),
            by_cause: report::ByCause {
                loss: self.sum(|outcome| of(outcome).by_cause.loss),
                reorder: self.sum(|outcome| of(outcome).by_cause.reorder),
                sender: self.sum(|outcome| of(outcome).by_cause.sender),
            },
            longest_stall: stalls
                .max_by_key(|stall| stall.duration)
                .map(|stall| report::Stall { duration_ns: nanos(stall.duration), messages: stall.messages }),
        }
    }

    /// Both directions of the wire; `None` if wirelab does not emulate it.
    pub(super) fn wire(&self, plan: &Plan, delivered: u64) -> Option<report::Wire> {
        let Workload { length, reply_length, .. } = plan.workload;
        let useful = match plan.workload.application {
            // Messages of frames have sizes of their own.
            Application::Video(_) => {
                self.sum(|outcome| outcome.video.as_ref().map_or(0, |call| call.arrived_bytes))
            }
            Application::Game(_) => delivered * length as u64,
            Application::Messages => delivered * (length + reply_length) as u64,
        };
        wire(self.0.iter().map(|(_, outcome)| outcome.wire), Some(useful))
    }

    /// How true the wire was to its model; `None` in virtual time and without a link.
    pub(super) fn fidelity(&self) -> Option<Fidelity> {
        Fidelity::of_all(self.0.iter().filter_map(|(_, outcome)| outcome.fidelity.as_ref()))
    }

    /// Processor time of the ends' threads for each of `sent` messages; `None` in virtual time.
    pub(super) fn cpu(&self, sent: u64) -> Option<report::Cpu> {
        let usages: Vec<_> = self.0.iter().filter_map(|(_, outcome)| outcome.usage).collect();
        let per_message = |times: Option<Duration>| nanos(times?).checked_div(sent);
        let client = |of: fn(&ThreadUsage) -> Duration| {
            per_message(Some(usages.iter().map(|usage| of(&usage.client)).sum()))
        };
        let server = |of: fn(&ThreadUsage) -> Duration| {
            per_message(usages.iter().map(|usage| usage.server.as_ref().map(of)).sum())
        };
        let calls = |calls: Option<u64>| Ratio::new(calls? as f64 / sent as f64);
        let switches = usages.iter().flat_map(|usage| [Some(usage.client), usage.server]).flatten();
        (!usages.is_empty()).then(|| report::Cpu {
            client_ns_per_message: client(|usage| usage.user + usage.system),
            client_system_ns_per_message: client(|usage| usage.system),
            server_ns_per_message: server(|usage| usage.user + usage.system),
            server_system_ns_per_message: server(|usage| usage.system),
            context_switches: switches.map(|usage| usage.context_switches).sum(),
            client_socket_calls_per_message: calls(Some(
                usages.iter().map(|usage| usage.client.socket_calls).sum(),
            )),
            server_socket_calls_per_message: calls(
                usages.iter().map(|usage| usage.server.map(|usage| usage.socket_calls)).sum(),
            ),
        })
    }

    /// The age of the newest state at the ends; `None` for other applications.
    pub(super) fn ages(&self, deadline: Duration) -> Option<report::Game> {
        let mut way = PerDirection::<Ages>::default();
        let mut is_game = false;
        for ages in self.0.iter().filter_map(|(_, outcome)| outcome.ages.as_ref()) {
            is_game = true;
            way.to_server.merge(&ages.to_server);
            way.to_client.merge(&ages.to_client);
        }
        let mut both = way.to_server.clone();
        both.merge(&way.to_client);
        let figures = |ages: &Ages| report::Age {
            updates: ages.updates,
            used: ages.used,
            superseded: ages.superseded,
            mean_ns: ages.mean(),
            p99_ns: ages.percentile(Percentile::P99),
            max_ns: ages.max(),
            stale_ratio: Ratio::of(ages.above(deadline), ages.known()),
        };
        is_game.then(|| report::Game {
            both: figures(&both),
            to_server: figures(&way.to_server),
            to_client: figures(&way.to_client),
        })
    }

    /// What the viewers of all calls saw; `None` for other applications.
    pub(super) fn video(&self) -> Option<report::Video> {
        let calls: Vec<&VideoFigures> =
            self.0.iter().filter_map(|(_, outcome)| outcome.video.as_ref()).collect();
        let sum = |of: fn(&VideoFigures) -> u64| calls.iter().map(|call| of(call)).sum();
        let merge = |of: fn(&VideoFigures) -> &Histogram| {
            let mut all = Histogram::new();
            calls.iter().for_each(|call| all.merge(of(call)));
            all
        };
        let freezes = merge(|call| &call.freezes);
        (!calls.is_empty()).then(|| report::Video {
            frames: sum(|call| call.frames),
            shown: sum(|call| call.shown),
            late: sum(|call| call.late),
            incomplete: sum(|call| call.incomplete),
            useless: sum(|call| call.useless),
            skips: sum(|call| call.skips),
            freezes: freezes.n(),
            frozen_ns: u64::try_from(freezes.sum()).unwrap_or(u64::MAX),
            longest_freeze_ns: freezes.max(),
            jump_frames: merge(|call| &call.jumps).summary(),
            delay_ns: merge(|call| &call.delay).summary(),
            bytes: sum(|call| call.bytes),
            wasted_bytes: sum(|call| call.wasted_bytes),
        })
    }

    fn ends(&self) -> Vec<&Recovery> {
        self.0.iter().flat_map(|(_, outcome)| [&outcome.client, &outcome.server]).collect()
    }

    pub(super) fn recovery(&self, transport: Transport) -> report::Recovery {
        let truth = truth(transport, self.0.iter().map(|(_, outcome)| outcome.truth.as_ref()));
        report::Recovery { truth, ..recovery(&self.ends()) }
    }

    pub(super) fn limited_by(&self) -> LimitedBy {
        limited_by(&self.ends())
    }

    /// The latency of all seeds, with intervals from the spread between them.
    pub(super) fn latency(&self) -> report::Latency {
        latency(&self.each(|outcome| &outcome.latency))
    }
}

fn latency(seeds: &[Histogram]) -> report::Latency {
    let mut all = Histogram::new();
    seeds.iter().for_each(|seed| all.merge(seed));
    let seeds = Seeds::new(seeds);
    let interval =
        |statistic: &dyn Pooled| ci95(statistic).map(|ends| ends.map(|end| libm::round(end) as u64));
    report::Latency {
        summary: all.summary(),
        ci95: report::Intervals {
            mean: interval(&seeds.mean()),
            p50: interval(&seeds.percentile(Percentile::P50)),
            p99: interval(&seeds.percentile(Percentile::P99)),
        },
    }
}

/// How long limits of the ends kept data from being sent, summed over both ends.
pub(in crate::experiment) fn limited_by(ends: &[&Recovery]) -> LimitedBy {
    let mut all = LimitedBy::default();
    ends.iter().for_each(|end| all += end.limits);
    all
}

/// The flags of limits that kept data from being sent for more than `tolerated`.
pub(in crate::experiment) fn limit_flags(limits: LimitedBy, tolerated: Duration) -> Vec<Flag> {
    let flags = [
        (Flag::CreditLimited, limits.credit),
        (Flag::BufferLimited, limits.buffer),
        (Flag::StreamLimited, limits.streams),
    ];
    flags.into_iter().filter_map(|(flag, took)| (took > tolerated).then_some(flag)).collect()
}

/// The sum over these ends.
pub(in crate::experiment) fn recovery(ends: &[&Recovery]) -> report::Recovery {
    let sum =
        |of: fn(&Recovery) -> Option<u64>| ends.iter().filter_map(|end| of(end)).reduce(|sum, n| sum + n);
    report::Recovery {
        retransmitted_packets: sum(|end| end.retransmitted_packets),
        congestion_events: sum(|end| end.congestion_events),
        min_window_bytes: ends.iter().filter_map(|end| end.min_window_bytes).min(),
        window_limited_ns: sum(|end| end.window_limited.map(nanos)),
        timeouts: sum(|end| end.timeouts),
        acknowledged_ce: sum(|end| end.acknowledged_ce),
        ce_received: sum(|end| end.ce_received),
        truth: None,
        kernel: kernel(ends),
    }
}

/// The sum over the ends of transfers. Datagrams that QUIC declares lost are not retransmitted.
pub(in crate::experiment) fn transfer_recovery(transport: Transport, ends: &[&Recovery]) -> report::Recovery {
    let all = recovery(ends);
    let retransmitted_packets = all.retransmitted_packets.filter(|_| !transport.is_datagram());
    report::Recovery { retransmitted_packets, ..all }
}

fn kernel(ends: &[&Recovery]) -> Option<report::KernelRecovery> {
    let counters: Vec<TcpRetransmissions> = ends.iter().filter_map(|end| end.kernel).collect();
    let sum = |of: fn(&TcpRetransmissions) -> Option<u64>| counters.iter().map(of).sum();
    (!counters.is_empty()).then(|| report::KernelRecovery {
        fast_retransmits: sum(|end| end.fast),
        slow_start_retransmits: sum(|end| end.slow_start),
        timeouts: sum(|end| end.timeouts),
        loss_probes: sum(|end| end.probes),
        dsacks: sum(|end| end.duplicates),
    })
}

/// Both directions of the wire over all runs, and its overhead over `useful` bytes; `None` if wirelab does not emulate
/// it.
pub(in crate::experiment) fn wire(
    runs: impl Iterator<Item = Option<PerDirection<Counters>>>,
    useful: Option<u64>,
) -> Option<report::Wire> {
    let mut sum = PerDirection::<Counters>::default();
    for counters in runs {
        sum += counters?;
    }
    let bytes = sum.to_server.bytes + sum.to_client.bytes;
    Some(report::Wire {
        to_server: Some(wire_direction(sum.to_server)),
        to_client: Some(wire_direction(sum.to_client)),
        overhead_ratio: useful.and_then(|useful| Ratio::new(bytes as f64 / useful as f64 - 1.0)),
    })
}

fn wire_direction(counters: Counters) -> report::WireDirection {
    report::WireDirection {
        packets: counters.packets,
        bytes: counters.bytes,
        lost: counters.lost,
        queue_dropped: counters.queue_dropped,
        duplicated: counters.duplicated,
        reordered: counters.reordered,
        corrupted: counters.corrupted,
        replayed: counters.replayed,
        injected: counters.injected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Summary;

    #[test]
    fn pooled_latency_is_that_of_all_seeds_with_its_intervals() {
        let seeds: Vec<Histogram> = (0..5).map(|seed| (seed..seed + 100).collect()).collect();
        let pooled = latency(&seeds);
        assert_eq!(pooled.summary.n, 500);
        let [low, high] = pooled.ci95.mean.unwrap();
        let mean = pooled.summary.mean.unwrap();
        assert!(low <= mean && mean <= high);
        assert_eq!(latency(&seeds[..1]).ci95, report::Intervals::default());
        assert_eq!(latency(&[]).summary, Summary::default());
    }
}
