//! Several senders at once between two hosts.

use std::{future::Future, net::SocketAddr, time::Duration};

use futures_util::future::{join_all, try_join};
use rand::Rng;

use serde::{Deserialize, Serialize};

use super::{
    meter::{Crossed, FlowMeter},
    spec::Sender,
};
use crate::{
    experiment::{
        PathKind, RunError,
        on_path::Ends,
        transfer::{self, Direction, Intake, Task, TransferOutcome, TransferPlan},
    },
    link::{Counters, LinkSpec},
    path::{Observers, StopSignal},
    transfer::{Content, Watch, bulk::Settings},
    transport::LossDetection,
    unit::{PerDirection, Rate, Time, random},
};

/// How often the bytes that the receivers have are read.
pub(in crate::experiment) const BIN: Duration = Duration::from_millis(100);

/// Each sender starts at a random instant within this time after its start. Otherwise runs without loss would be equal
/// for all seeds, and packets of equal senders would always meet a full queue in the same order (phase effects, Floyd
/// and Jacobson 1992).
const SPREAD: Duration = Duration::from_millis(10);

/// The random stream of the first sender; the others follow.
const SENDERS: u64 = 0x5345_4e44_0000;

/// The port of the first sender's server. All ports of the hosts are free, and ephemeral ports are higher. The system
/// must not choose the ports: it may give a TCP and a UDP socket the same number.
const FIRST_PORT: u16 = 5201;

/// Time for the two ends of a sender to report after it has ended.
const GRACE: Duration = Duration::from_millis(500);

/// Longer than any run.
const LONG: Duration = Duration::from_secs(7 * 24 * 3600);

/// A sender and the direction of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::experiment) struct Flow {
    /// The sender.
    pub(in crate::experiment) sender: Sender,
    /// Up to the server, or down to the client.
    pub(in crate::experiment) direction: Direction,
}

/// The outcome of one sender.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::experiment) struct FlowOutcome {
    /// When it started, since the run began.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub(in crate::experiment) start: Duration,
    /// When it ended.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub(in crate::experiment) end: Duration,
    /// Both ends; without figures if it never had a connection.
    pub(in crate::experiment) transfer: TransferOutcome,
    /// Bytes of content that its receiver had, at each reading.
    pub(in crate::experiment) received: Vec<u64>,
    /// Its packets on the link.
    pub(in crate::experiment) crossed: Crossed,
}

/// The outcome of all senders.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::experiment) struct FlowsOutcome {
    /// Each sender.
    pub(in crate::experiment) flows: Vec<FlowOutcome>,
    /// When the receivers were read, since the run began.
    #[serde(deserialize_with = "crate::unit::saved::list")]
    pub(in crate::experiment) read_at: Vec<Duration>,
    /// When the run began.
    begun: Time,
    /// When the counts of packets began, since the run began.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub(in crate::experiment) counted_from: Duration,
    /// IP bytes that left the bottleneck, in bins of [`BIN`] since then.
    pub(in crate::experiment) served: PerDirection<Vec<u64>>,
    /// Packets of other connections since then.
    pub(in crate::experiment) others: PerDirection<Counters>,
}

impl FlowOutcome {
    /// Why it stopped before its end, unless the run was interrupted.
    pub(in crate::experiment) fn stopped(&self) -> Option<&String> {
        self.transfer.stopped.as_ref().filter(|_| !self.transfer.interrupted)
    }
}

impl FlowsOutcome {
    /// Whether it fits a run of `senders` senders: each reading has a value for every sender, and values never fall.
    pub(in crate::experiment) fn is_possible(&self, senders: usize) -> bool {
        let is_read =
            |flow: &FlowOutcome| flow.received.len() == self.read_at.len() && flow.received.is_sorted();
        self.flows.len() == senders && self.flows.iter().all(is_read) && self.read_at.is_sorted()
    }

    /// A sender's goodput in bits per second, from the first to the last reading between two instants.
    pub(in crate::experiment) fn goodput(&self, flow: usize, [from, to]: [Duration; 2]) -> Option<f64> {
        let first = self.read_at.iter().position(|at| *at >= from)?;
        let last = self.read_at.iter().rposition(|at| *at <= to)?;
        let received = &self.flows[flow].received;
        let time = self.read_at[last].checked_sub(self.read_at[first]).filter(|time| !time.is_zero())?;
        Some((received[last] - received[first]) as f64 * 8.0 / time.as_secs_f64())
    }
}

/// Senders that are ready to run.
pub(in crate::experiment) struct Flows {
    flows: Vec<Ready>,
    meter: FlowMeter,
}

/// One of them.
struct Ready {
    sender: Sender,
    plan: TransferPlan,
    seed: u64,
    settings: Settings,
    intake: Intake,
    /// How long after `sender.start` it starts.
    delay: Duration,
}

impl Flows {
    /// Prepares senders on this path. All their random draws come from `seed`.
    ///
    /// Returns an error if no certificate can be made.
    pub(in crate::experiment) fn new(
        flows: &[Flow],
        path: PathKind,
        links: &PerDirection<LinkSpec>,
        seed: u64,
    ) -> Result<Self, RunError> {
        let ready = flows.iter().zip(SENDERS..).map(|(flow, stream)| {
            let mut draws = random::generator(seed, stream);
            let delay = SPREAD.mul_f64(random::unit(&mut draws));
            let seed = draws.next_u64();
            let plan = plan(flow, path, links);
            let settings = transfer::settings(&plan, Some(seed), None)?;
            Ok(Ready { sender: flow.sender, plan, seed, settings, intake: Intake::default(), delay })
        });
        let ready = ready.collect::<Result<Vec<_>, RunError>>()?;
        let ways = flows.iter().enumerate().map(|(index, flow)| (port(index), flow.direction.into()));
        let meter = FlowMeter::new(ways.collect(), BIN);
        Ok(Self { flows: ready, meter })
    }

    /// Watches the packets of the senders.
    pub(in crate::experiment) fn observe(&self, observers: &mut Observers) {
        observers.push(self.meter.observer());
    }

    /// Records all connections.
    pub(in crate::experiment) fn record(&mut self, recording: &crate::capture::Recording) {
        self.flows.iter_mut().for_each(|flow| flow.settings.session.record(recording));
    }

    /// The ports of the senders' servers.
    pub(in crate::experiment) fn ports(&self) -> Vec<u16> {
        (0..self.flows.len()).map(port).collect()
    }

    /// Counts packets from now on.
    pub(in crate::experiment) fn count_from(&self, now: Time) {
        self.meter.begin(now);
    }

    /// Runs all senders for `duration`, or until `stop` is set.
    ///
    /// Returns an error if a sender cannot connect. A sender that stops later is an outcome, not an error.
    pub(in crate::experiment) async fn run(
        &self,
        ends: &Ends,
        duration: Duration,
        stop: &StopSignal,
    ) -> Result<FlowsOutcome, RunError> {
        let host = &*ends.client;
        let begun = host.now();
        self.meter.begin(begun);
        let mut readings: Vec<(Duration, Vec<u64>)> = Vec::new();
        let read = || (host.now() - begun, self.flows.iter().map(|flow| flow.intake.bytes()).collect());
        let run = Run { begun, until: begun + duration, stop };
        let running = join_all((0..self.flows.len()).map(|index| self.run_one(index, ends, &run)));
        let outcomes = {
            let reading = async {
                for bin in 0.. {
                    host.sleep_until(begun + BIN * bin).await;
                    readings.push(read());
                }
            };
            tokio::select! {
                biased;
                outcomes = running => outcomes,
                () = reading => Vec::new(),
            }
        };
        if readings.last().is_none_or(|(last, _)| *last < host.now() - begun) {
            readings.push(read());
        }
        let mut flows = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (index, flow) in flows.iter_mut().enumerate() {
            flow.received = readings.iter().map(|(_, received)| received[index]).collect();
        }
        let read_at = readings.iter().map(|(at, _)| *at).collect();
        let mut outcome = FlowsOutcome { flows, read_at, begun, ..FlowsOutcome::default() };
        self.count(&mut outcome);
        Ok(outcome)
    }

    /// Runs all senders until `others` has completed.
    ///
    /// Returns the error of `others`, or an error if a sender cannot connect.
    pub(in crate::experiment) async fn run_beside<T>(
        &self,
        ends: &Ends,
        others: impl Future<Output = Result<T, RunError>>,
    ) -> Result<(T, FlowsOutcome), RunError> {
        let ended = StopSignal::default();
        let others = async {
            let result = others.await;
            ended.set();
            result
        };
        let (result, mut outcome) = try_join(others, self.run(ends, LONG, &ended)).await?;
        // Senders may have ended before the others.
        self.count(&mut outcome);
        Ok((result, outcome))
    }

    /// Sets the packets of the outcome to those that were counted so far.
    pub(in crate::experiment) fn count(&self, outcome: &mut FlowsOutcome) {
        let counts = self.meter.counts();
        for (flow, crossed) in outcome.flows.iter_mut().zip(counts.crossed) {
            flow.crossed = crossed;
        }
        outcome.counted_from = counts.since - outcome.begun;
        outcome.served = counts.served;
        outcome.others = counts.others;
    }

    async fn run_one(&self, index: usize, ends: &Ends, run: &Run<'_>) -> Result<FlowOutcome, RunError> {
        let Ready { sender, plan, seed, settings, intake, delay } = &self.flows[index];
        let host = &*ends.client;
        let end = run.begun + sender.end_in(run.until - run.begun);
        let start = (run.begun + sender.start + *delay).min(end);
        tokio::select! {
            biased;
            () = run.stop.stopped() => {}
            () = host.sleep_until(start) => {}
        }
        let listen = SocketAddr::new(ends.listen.ip(), port(index));
        let ends = Ends { listen, ..ends.beside_others(sender.congestion) };
        let ended = StopSignal::default();
        // A sender that others starve is a result, not a failure.
        let watch = Watch { stop: ended.clone(), patience: LONG, ..Watch::default() };
        let ending = async {
            tokio::select! {
                biased;
                () = run.stop.stopped() => {}
                () = host.sleep_until(end) => {}
            }
            ended.set();
            host.sleep(GRACE).await;
        };
        let task = Task::new(plan, *seed, &watch).read_by(intake);
        let transfer = tokio::select! {
            biased;
            outcome = transfer::run(&ends, task, settings, None, || ()) => outcome?,
            () = ending => TransferOutcome {
                stopped: Some("it had no connection by its end".to_owned()),
                ..TransferOutcome::default()
            },
        };
        intake.close();
        let (start, end) = (start - run.begun, end.min(host.now()) - run.begun);
        Ok(FlowOutcome { start, end, transfer, received: Vec::new(), crossed: Crossed::default() })
    }
}

/// The time of a run.
struct Run<'a> {
    begun: Time,
    until: Time,
    stop: &'a StopSignal,
}

/// The port of a sender's server.
fn port(index: usize) -> u16 {
    u16::try_from(index).map_or(u16::MAX, |index| FIRST_PORT.saturating_add(index))
}

fn plan(flow: &Flow, path: PathKind, links: &PerDirection<LinkSpec>) -> TransferPlan {
    /// Streams of `quic-flow`, as many as `transfer` has.
    const FLOWS: u32 = 8;
    let Flow { sender, direction } = *flow;
    TransferPlan {
        path,
        transport: sender.transport,
        links: links.clone(),
        congestion: sender.congestion,
        loss_detection: LossDetection::default(),
        flows: FLOWS,
        // Only raw datagrams, which have a pace, use it.
        pace: sender.pace.unwrap_or(Rate::SLOWEST),
        direction,
        content: Content::endless(0),
    }
}
