//! Each message, connection and byte has one fate, and each ratio a denominator that could have held its numerator:
//! over random links, in every experiment, and wherever it is interrupted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use wirelab::{
    capture::Recording,
    experiment::{
        HandshakePlan, Mode, Observers, PathKind, Setup, cell, handshake, handshake_cell, run,
        transfer::{Direction, TransferPlan, transfer},
    },
    link::LinkSpec,
    path::StopSignal,
    transfer::{Content, Watch},
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, Rate},
};

use crate::experiment_properties::{adds_up, is_accounted, link, plan};

/// Every transport that virtual time has.
fn transports() -> impl Strategy<Value = Transport> {
    let all = Transport::all();
    prop::sample::select(
        all.filter(|transport| PathKind::Sim.refuses(*transport).is_none()).collect::<Vec<_>>(),
    )
}

/// Sets `stop` at the call of this number.
fn stopping(stop: &StopSignal, at: Option<u64>) -> impl Fn(u64) + Send + Sync + use<> {
    let (stop, sum) = (stop.clone(), AtomicU64::new(0));
    move |more| {
        let sum = sum.fetch_add(more, Ordering::Relaxed) + more;
        if at.is_some_and(|at| sum >= at) {
            stop.set();
        }
    }
}

fn handshakes() -> impl Strategy<Value = HandshakePlan> {
    let modes = prop::sample::select(Mode::ALL.to_vec());
    (transports(), (link(), link()), modes, 1u64..8, 1usize..4, 300u64..5000).prop_map(
        |(transport, (to_server, to_client), mode, connections, parallel, timeout)| HandshakePlan {
            path: PathKind::Sim,
            transport,
            links: PerDirection { to_server, to_client },
            mode: if mode.is_of(transport) { mode } else { Mode::Cold },
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
            connections,
            parallel,
            length: 100,
            timeout: Duration::from_millis(timeout),
            certificate: 0,
        },
    )
}

fn transfers() -> impl Strategy<Value = TransferPlan> {
    let directions = prop::sample::select(vec![Direction::Up, Direction::Down]);
    let bytes = prop_oneof![1 => 0u64..3000, 4 => 3000u64..1_000_000];
    (transports(), (link(), link()), directions, 1u32..6, bytes).prop_map(
        |(transport, (to_server, to_client), direction, flows, bytes)| TransferPlan {
            path: PathKind::Sim,
            transport,
            links: PerDirection { to_server, to_client },
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
            flows,
            pace: Rate::from_bits_per_second(10_000_000).unwrap(),
            direction,
            content: Content::Generated { bytes, seed: 1 },
        },
    )
}

proptest! {
    #[test]
    fn messages_of_an_interrupted_run_add_up(plan in plan(), seed in 1u64..1_000_000, stops in 1u64..600) {
        prop_assume!(plan.transport.refuses_controller(plan.congestion).is_none());
        prop_assume!(plan.validate().is_ok() && plan.links.iter().all(|link| link.validate().is_ok()));
        let run = |seed, stops| {
            let stop = StopSignal::default();
            let packet = stopping(&stop, stops);
            let packets = Some(Box::new(move |_| packet(1)) as _);
            run(&plan, seed, Observers { packets, ..Observers::default() }, &stop)
        };
        // A failed handshake is a valid outcome, and so is nothing before the interrupt.
        let outcomes = [(seed, run(seed, None)), (seed + 1, run(seed + 1, Some(stops)))];
        let outcomes: Vec<_> = outcomes.into_iter().filter_map(|(seed, run)| Some((seed, run.ok()?))).collect();
        outcomes.iter().try_for_each(|(_, outcome)| adds_up(outcome))?;
        if !outcomes.is_empty() {
            is_accounted(&cell(&plan, &outcomes))?;
        }
    }

    #[test]
    fn connections_add_up(plan in handshakes(), seed in 1u64..1_000_000) {
        prop_assume!(plan.links.iter().all(|link| link.validate().is_ok()));
        let run = |seed| Some((seed, handshake(&plan, seed, &StopSignal::default(), &Recording::default()).ok()?));
        let outcomes: Vec<_> = [seed, seed + 1].into_iter().filter_map(run).collect();
        for (_, outcome) in &outcomes {
            prop_assert_eq!(outcome.connections, plan.connections);
        }
        if !outcomes.is_empty() {
            is_accounted(&handshake_cell(&plan, &outcomes))?;
        }
    }

    #[test]
    fn bytes_of_a_transfer_add_up(
        plan in transfers(), seed in 1u64..1_000_000, stops in prop::option::of(1u64..1_000_000),
    ) {
        prop_assume!(plan.links.iter().all(|link| link.validate().is_ok()));
        let run = |seed, stops| {
            let stop = StopSignal::default();
            let watch = Watch { moved: Arc::new(stopping(&stop, stops)), stop, ..Watch::default() };
            Some((seed, transfer(&plan, seed, None, &watch).ok()?))
        };
        let outcomes: Vec<_> = [run(seed, stops), run(seed + 1, None)].into_iter().flatten().collect();
        let bytes = plan.content.bytes();
        for (_, outcome) in &outcomes {
            let arrived = outcome.arrived;
            prop_assert!(arrived.is_some_and(|arrived| arrived <= bytes), "our own receiver knows: {outcome:?}");
            prop_assert!(outcome.time.is_none() || arrived == Some(bytes) && outcome.gaps == 0, "{outcome:?}");
        }
        if !outcomes.is_empty() {
            is_accounted(&wirelab::experiment::transfer::cell(&plan, &outcomes))?;
        }
    }
}

/// Without a session, a connection that was to resume one cannot be started.
#[test]
fn connections_that_are_given_up_are_slow_in_every_mode() {
    let dead: LinkSpec = "delay=25ms,loss=100%".parse().unwrap();
    for mode in Mode::ALL {
        let setup = Setup {
            path: PathKind::Sim,
            transport: Transport::QUIC_ONE,
            links: &PerDirection { to_server: dead.clone(), to_client: dead.clone() },
            congestion: Congestion::Cubic,
            loss_detection: LossDetection::default(),
        };
        let plan = HandshakePlan { connections: 2, ..HandshakePlan::usual(&setup, mode) };
        let outcome = handshake(&plan, 1, &StopSignal::default(), &Recording::default()).unwrap();
        assert_eq!((outcome.failed, outcome.over_a_second), (2, 2), "{mode}");
    }
}
