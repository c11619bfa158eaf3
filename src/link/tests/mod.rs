mod effects;
mod order;
mod properties;
mod queue;
mod statistics;
mod text;

use std::time::Duration;

use super::*;

fn ms(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn us(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}

fn spec(pairs: &str) -> LinkSpec {
    let mut spec = LinkSpec::default();
    spec.apply_pairs(pairs).unwrap();
    spec.validate().unwrap();
    spec
}

/// A link to the server that carries its packets' numbers, from 1.
fn link(pairs: &str, seed: u64) -> Link<u64> {
    Link::new(spec(pairs), seed, Direction::ToServer)
}

/// The verdicts on `count` packets of 1200 bytes, one every `interval` from the origin.
fn verdicts(link: &mut Link<u64>, count: u64, interval: Duration) -> Vec<Verdict> {
    let mut now = Time::ZERO;
    let mut offer = |number| {
        let verdict = link.enqueue(now, 1200, number);
        now += interval;
        verdict
    };
    (1..=count).map(&mut offer).collect()
}

/// The numbers of the packets that were lost, from 1.
fn lost(verdicts: &[Verdict]) -> Vec<u64> {
    (1..).zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Lost).map(|(n, _)| n).collect()
}

fn drain(link: &mut Link<u64>) -> Vec<Delivered<u64>> {
    std::iter::from_fn(|| link.poll_delivery(Time::MAX)).collect()
}

const MS: Duration = Duration::from_millis(1);
