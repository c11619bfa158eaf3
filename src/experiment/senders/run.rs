//! Several senders at once between two hosts.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use rand::Rng;

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
    link::LinkSpec,
    path::{Observers, StopSignal},
    transfer::{Content, Watch, bulk::Settings},
    transport::LossDetection,
    unit::{PerDirection, Rate, Time, random},
};

/// How often the bytes that the receivers have are read.
pub(in crate::experiment) const BIN: Duration = Duration::from_millis(100);

/// Each sender starts up to this much later than it says, as the seed has it. Without loss, seeds would otherwise differ
/// in nothing, and packets of equal senders would always meet a full queue in the same order (phase effects, Floyd and
/// Jacobson 1992).
const SPREAD: Duration = Duration::from_millis(10);

/// The random stream of the first sender; the others follow.
const SENDERS: u64 = 0x5345_4e44_0000;

/// The port of the first sender's server. Senders run where the hosts have all ports to themselves, and ephemeral ports
/// are above. A free port would not do: kernel TCP and UDP may give the same number.
const FIRST_PORT: u16 = 5201;

/// Time for the two ends of a sender to report after it has ended.
const GRACE: Duration = Duration::from_millis(500);

/// Nobody waits longer for progress: a sender that others starve is a result.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A sender and the direction of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::experiment) struct Flow {
    /// The sender.
    pub(in crate::experiment) sender: Sender,
    /// Up to the server, or down to the client.
    pub(in crate::experiment) direction: Direction,
}

/// What became of one sender.
#[derive(Debug, Clone)]
pub(in crate::experiment) struct FlowOutcome {
    /// When it started, since the run began.
    pub(in crate::experiment) start: Duration,
    /// When it ended.
    pub(in crate::experiment) end: Duration,
    /// Both ends; without figures if it never had a connection.
    pub(in crate::experiment) transfer: TransferOutcome,
    /// Bytes of content that its receiver had, at each reading.
    pub(in crate::experiment) received: Vec<u64>,
    /// Its packets on the link.
    pub(in crate::experiment) crossed: Crossed,
}

/// What became of all senders.
#[derive(Debug, Clone, Default)]
pub(in crate::experiment) struct FlowsOutcome {
    /// Each sender.
    pub(in crate::experiment) flows: Vec<FlowOutcome>,
    /// When the receivers were read, since the run began.
    pub(in crate::experiment) read_at: Vec<Duration>,
    /// IP bytes that left the bottleneck, in bins of [`BIN`] since the run began.
    pub(in crate::experiment) served: PerDirection<Vec<u64>>,
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
    /// How much later than it says it starts.
    delay: Duration,
}

impl Flows {
    /// Senders on this path, with all they draw keyed by `seed`.
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

    /// Runs all senders for `duration`, or until `stop` is set.
    ///
    /// Returns an error if a sender found no way to connect. One that stops later is an outcome.
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
        for (index, (flow, crossed)) in flows.iter_mut().zip(self.meter.crossed()).enumerate() {
            flow.crossed = crossed;
            flow.received = readings.iter().map(|(_, received)| received[index]).collect();
        }
        let read_at = readings.iter().map(|(at, _)| *at).collect();
        Ok(FlowsOutcome { flows, read_at, served: self.meter.served() })
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
        let watch = Watch { stop: ended.clone(), patience: PATIENCE, ..Watch::default() };
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
