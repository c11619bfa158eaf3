//! Messages over UDP that need no sockets have the outcome that they have over sockets.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use wirelab::{
    experiment::{Observers, Outcome, Plan, SampleSink, Workload, run},
    link::LinkSpec,
    path::{Exit, Observer, PacketView, StopSignal},
    transport::Transport,
    unit::{Mutex, PerDirection, Share},
};

use crate::experiment_properties::plan;

/// Observes packets, so that they travel between sockets.
struct Onlooker;

impl Observer for Onlooker {
    fn entered(&mut self, _: &PacketView<'_>) {}
    fn left(&mut self, _: &PacketView<'_>, _: Exit) {}
}

/// A link that does not alter packets.
fn plain(link: LinkSpec, delay: Duration, replay: Share) -> LinkSpec {
    LinkSpec { delay, replay, corrupt: Share::ZERO, mtu: LinkSpec::DEFAULT_MTU, ..link }
}

/// Plans with delays at which messages and replies often meet at one instant.
fn plans() -> impl Strategy<Value = Plan> {
    let delays = || prop_oneof![Just(0), Just(1000), Just(2500), 0..60_000u64];
    let intervals = prop_oneof![Just(1000), Just(2500), Just(5000), 500..20_000u64];
    let replay = prop::sample::select(vec![Share::ZERO, "10%".parse().unwrap()]);
    (plan(), delays(), delays(), intervals, replay).prop_map(|(plan, there, back, interval, replay)| {
        let PerDirection { to_server, to_client } = plan.links.clone();
        let links = PerDirection {
            to_server: plain(to_server, Duration::from_micros(there), replay),
            to_client: plain(to_client, Duration::from_micros(back), replay),
        };
        let workload = Workload { interval: Duration::from_micros(interval), ..plan.workload.clone() };
        Plan { transport: Transport::UDP, links, workload, ..plan }
    })
}

/// The outcome, and all samples in the order in which they were shown. The run is stopped at the sample with the number
/// `stop_at`, if there is one.
fn measured(
    plan: &Plan,
    seed: u64,
    stop_at: Option<usize>,
    wire: Option<Box<dyn Observer>>,
) -> (String, Vec<String>) {
    let stop = StopSignal::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shown = seen.clone();
    let stops = stop.clone();
    let samples: SampleSink = Box::new(move |sample| {
        let mut shown = shown.lock();
        shown.push(format!("{sample:?}"));
        if Some(shown.len()) == stop_at {
            stops.set();
        }
    });
    let observers = Observers { samples: Some(samples), wire, ..Observers::default() };
    let outcome: Outcome = run(plan, seed, observers, &stop).unwrap();
    let samples = std::mem::take(&mut *seen.lock());
    (serde_json::to_string(&outcome).unwrap(), samples)
}

proptest! {
    #[test]
    fn an_outcome_does_not_depend_on_sockets(
        plan in plans(), seed: u64, stop_at in prop::option::weighted(0.3, 1usize..200),
    ) {
        let without = measured(&plan, seed, stop_at, None);
        let with = measured(&plan, seed, stop_at, Some(Box::new(Onlooker)));
        prop_assert_eq!(without, with);
    }
}
