//! The link against closed forms. Every tolerance is at least three standard errors.

use super::*;
use wirelab::unit::random::{generator, unit};

const MILLION: u64 = 1_000_000;

fn loss_of(pairs: &str) -> f64 {
    lost(&verdicts(&mut link(pairs, 1), MILLION, MS)).len() as f64 / MILLION as f64
}

#[test]
fn independent_loss_is_what_was_asked_for() {
    // One standard error at 1% of 1,000,000 is 0.01 points.
    assert!((loss_of("loss=1%") - 0.01).abs() < 0.0004);
    assert_eq!(loss_of("loss=100%"), 1.0);
}

#[test]
fn gilbert_has_its_loss_and_its_bursts() {
    let verdicts = verdicts(&mut link("loss=gilbert:0.07%:14%", 1), MILLION, MS);
    let lost = |verdict: &Verdict| *verdict == Verdict::Lost;
    let total = verdicts.iter().filter(|v| lost(v)).count();
    let bursts = verdicts.windows(2).filter(|pair| !lost(&pair[0]) && lost(&pair[1])).count();
    let ratio = total as f64 / MILLION as f64;
    // About 700 bursts: 3 standard errors are 0.08 points of loss, and 0.8 of the mean burst.
    assert!((ratio - 0.004975).abs() < 0.0008, "{ratio}");
    let burst = total as f64 / bursts as f64;
    assert!((burst - 7.14).abs() < 0.8, "{burst}");
}

#[test]
fn gilbert_elliott_has_its_loss() {
    let (p, r, h, k) = (0.01, 0.10, 0.20, 0.995);
    let expected = (p * (1.0 - h) + r * (1.0 - k)) / (p + r);
    let ratio = loss_of("loss=gemodel:1%:10%:20%:99.5%");
    // The states' correlation of 0.89 makes one standard error at most 0.11 points.
    assert!((ratio - expected).abs() < 0.0033, "{ratio} for {expected}");
}

#[test]
fn the_chain_starts_in_its_stationary_distribution() {
    let first_is_lost = |seed| {
        let verdict = link("loss=gilbert:1%:3%", seed).offer(Time::ZERO, 100, 1);
        u32::from(verdict == Verdict::Lost)
    };
    let lost: u32 = (0..4000).map(first_is_lost).sum();
    // p/(p+r) is 25%; 3 standard errors with 4000 seeds are 83.
    assert!(lost.abs_diff(1000) <= 83, "{lost}");
}

#[test]
fn the_queue_waits_as_md1_says() {
    // Pollaczek-Khinchine: rho S / (2 (1 - rho)), with S = 0.96 ms and rho = 0.8.
    let mut link = link("rate=10mbit", 1);
    let (service, gap) = (960_000, 1_200_000.0);
    let mut rng = generator(7, 0);
    let (mut clock, mut waited, mut without_wait) = (0.0, 0u64, 0u64);
    for number in 0..MILLION {
        clock -= gap * libm::log(1.0 - unit(&mut rng));
        let now = Time::from_nanos(clock as u64);
        let Verdict::Deliver { departs, .. } = link.offer(now, 1200, number) else { panic!() };
        let wait = departs.as_nanos() - now.as_nanos() - service;
        waited += wait;
        without_wait += u64::from(wait == 0);
        assert!(link.next_delivery(departs).is_some());
    }
    let mean_ms = waited as f64 / MILLION as f64 / 1e6;
    // Waits are correlated over some 30 packets: 3 standard errors are about 2%.
    assert!((mean_ms - 1.92).abs() < 0.096, "{mean_ms} ms");
    let share = without_wait as f64 / MILLION as f64;
    assert!((share - 0.20).abs() < 0.005, "{share}");
}

/// Mean and standard deviation of the jitter, both in units of its amount, with their standard errors.
fn jitter_of(shape: &str) -> [(f64, f64); 2] {
    const COUNT: u64 = 200_000;
    let mut link = link(&format!("delay=1s,jitter=5ms:{shape}"), 1);
    let amount = |verdict: Verdict| {
        let Verdict::Deliver { departs, at, .. } = verdict else { panic!() };
        (at.since(departs).as_nanos() as f64 - 1e9) / 5e6
    };
    let values: Vec<f64> = verdicts(&mut link, COUNT, MS).into_iter().map(amount).collect();
    let n = COUNT as f64;
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power| values.iter().map(|v| libm::pow(v - mean, power)).sum::<f64>() / n;
    let (variance, fourth) = (moment(2.0), moment(4.0));
    let deviation_error = libm::sqrt((fourth - variance * variance) / (4.0 * variance * n));
    [(mean, libm::sqrt(variance / n)), (libm::sqrt(variance), deviation_error)]
}

#[test]
fn jitter_has_the_mean_and_the_spread_of_its_shape() {
    let cases =
        [("uniform", 0.0, 1.0 / libm::sqrt(3.0)), ("normal", 0.0, 1.0), ("pareto", -0.032_922, 0.820_861)];
    // 200,000 draws each.
    for (shape, mean, deviation) in cases {
        let [(seen_mean, mean_error), (seen_deviation, deviation_error)] = jitter_of(shape);
        assert!((seen_mean - mean).abs() < 3.0 * mean_error, "{shape}: mean {seen_mean}");
        let off = (seen_deviation - deviation).abs();
        assert!(off < 3.0 * deviation_error, "{shape}: deviation {seen_deviation}");
    }
}

#[test]
fn jitter_never_makes_a_delay_negative() {
    for shape in ["uniform", "normal", "pareto"] {
        let mut link = link(&format!("delay=1ms,jitter=20ms:{shape}"), 1);
        for verdict in verdicts(&mut link, 10_000, MS) {
            let Verdict::Deliver { departs, at, .. } = verdict else { panic!() };
            assert!(at >= departs);
        }
    }
}
