//! Head-of-line blocking against its closed form: cases 6 to 10 of the published figures, in virtual time.
//!
//! 30 seeds of a minute at 100 messages a second are 180,000 messages (90,000 at 50 a second). A measurement must lie
//! within three standard errors of the theory, as the seeds' own spread gives them, or within 5% of it: the theory is
//! first order in the loss.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{sync::atomic::AtomicBool, time::Duration};

use wirelab::{
    experiment::{Arrivals, Effort, Outcome, PathKind, Plan, Theory, Wait, Workload, run_matrix, simulate},
    link::LinkSpec,
    transport::{Transport, quic::Congestion},
};

const SEEDS: u64 = 30;

/// One of the cases: loss on the way to the server only, a fixed window, no rate.
fn plan(transport: Transport, rtt: Duration, interval: Duration, flows: u32, loss: &str) -> Plan {
    let clear = LinkSpec { delay: rtt / 2, ..LinkSpec::default() };
    let mut lossy = clear.clone();
    lossy.set("loss", loss).unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: [lossy, clear],
        congestion: Congestion::Fixed(1_000_000),
        workload: Workload {
            flows,
            interval,
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::from_secs(1),
            duration: Duration::from_secs(60),
            wait: Wait { times: 3, most: Duration::from_secs(4) },
            deadline: rtt * 2,
        },
    }
}

fn outcomes(plan: &Plan) -> Vec<Outcome> {
    let stop = AtomicBool::new(false);
    let effort = Effort { first_seed: 1, seeds: SEEDS, threads: 2, stop: &stop };
    let runs = run_matrix(std::slice::from_ref(plan), effort, simulate, || ());
    let runs = runs.into_iter().next().unwrap();
    assert!(runs.failures.is_empty(), "{:?}", runs.failures);
    runs.outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The mean over seeds of what `of` says of each, and its standard error.
fn mean(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> (f64, f64) {
    let n = outcomes.len() as f64;
    let mean = outcomes.iter().map(&of).sum::<f64>() / n;
    let variance = outcomes.iter().map(|outcome| (of(outcome) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// `second_order` is what the theory leaves out: it counts no loss of what is sent again.
#[track_caller]
fn holds(what: &str, (seen, error): (f64, f64), expected: f64, second_order: f64) {
    let tolerance = (3.0 * error).max(0.05 * expected) + second_order;
    assert!(
        (seen - expected).abs() <= tolerance,
        "{what}: seen {seen:.5}, expected {expected:.5} within {tolerance:.5}"
    );
}

/// Runs the case and holds what was seen against the theory.
#[track_caller]
fn against_theory(plan: &Plan) -> Vec<Outcome> {
    let theory = Theory::of(plan).unwrap();
    // Where nothing is expected, a loss whose repair is lost as well still blocks somebody: the square of the loss,
    // which is that of one message on its own, times the two that wait at the most.
    let single = Theory::of(&Plan { transport: Transport::QuicMessage, ..plan.clone() }).unwrap().delayed;
    let twice_lost = if theory.blocked == 0.0 { 2.0 * single * single } else { 0.0 };
    let outcomes = outcomes(plan);
    let delivered = |outcome: &Outcome| outcome.messages.delivered as f64;
    let delayed = mean(&outcomes, |o| o.extra.n() as f64 / delivered(o));
    let blocked = mean(&outcomes, |o| o.order.blocked as f64 / delivered(o));
    let extra = mean(&outcomes, |o| o.extra.sum() as f64 / delivered(o) / 1e9);
    holds("delayed", delayed, theory.delayed, 0.0);
    holds("blocked", blocked, theory.blocked, twice_lost);
    holds("mean extra", extra, theory.extra(), 0.0);
    outcomes
}

const RTT: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_millis(10);

#[test]
fn case_6_on_one_stream_one_loss_in_a_hundred_delays_one_message_in_nine() {
    let outcomes = against_theory(&plan(Transport::QuicOne, RTT, EVERY, 8, "1%"));
    let blocked: u64 = outcomes.iter().map(|o| o.order.blocked).sum();
    let other: u64 = outcomes.iter().map(|o| o.order.by_other_flow).sum();
    let share = other as f64 / blocked as f64;
    // 11 messages wait for each loss, and of 8 flows the eighth behind it is its own: 10 of 11.
    assert!((share - 10.0 / 11.0).abs() < 0.01, "{share}");
    let wait: u128 = outcomes.iter().map(|o| o.order.wait.sum()).sum();
    let mean_wait = wait as f64 / blocked as f64 / 1e6;
    assert!((mean_wait - 54.8).abs() < 0.05 * 54.8, "{mean_wait} ms");
    assert!(outcomes.iter().all(|o| o.order.by_cause.loss == o.order.blocked), "all of it is loss");
}

#[test]
fn case_7_on_four_streams_a_loss_holds_back_a_quarter_of_that() {
    against_theory(&plan(Transport::QuicFlow, RTT, EVERY, 4, "1%"));
}

#[test]
fn case_8_with_a_stream_per_message_nothing_is_held_back() {
    let outcomes = against_theory(&plan(Transport::QuicMessage, RTT, EVERY, 8, "1%"));
    assert!(outcomes.iter().all(|outcome| outcome.order.blocked == 0));
}

#[test]
fn case_10_sparser_messages_on_a_shorter_path() {
    let (rtt, every) = (Duration::from_millis(50), Duration::from_millis(20));
    against_theory(&plan(Transport::QuicOne, rtt, every, 8, "2%"));
    // Four streams that take turns every 80 ms hold nothing back for the 70 ms that one loss takes.
    against_theory(&plan(Transport::QuicFlow, rtt, every, 4, "2%"));
}

/// Nothing on a clear wire: no delay, no blocking, and the same mean on one stream as on many, but for a header.
#[test]
fn without_loss_nothing_is_delayed_and_one_stream_is_as_good_as_many() {
    let means = [Transport::QuicOne, Transport::QuicFlow, Transport::QuicMessage].map(|transport| {
        let outcome = simulate(&plan(transport, RTT, EVERY, 8, "0%"), 1).unwrap();
        assert_eq!((outcome.extra.n(), outcome.order.blocked), (0, 0), "{transport}");
        outcome.latency.sum() as f64 / outcome.latency.n() as f64
    });
    let spread = means.iter().fold(0.0, |most: f64, mean| most.max((mean - means[0]).abs()));
    assert!(spread < 10_000.0, "{spread} ns");
}
