//! Case 3: the queue of the bottleneck under Poisson arrivals, an M/D/1 system.

use super::{Case, CaseError, Finding, Sample, Unit, Wire, link};
use crate::unit::{
    Time,
    random::{generator, unit},
};

pub(super) const CASE: Case =
    Case { number: 3, setting: "Poisson arrivals, 1200 B, 10 Mbit/s, load 0.8 (M/D/1)", check };

const PACKETS: u64 = 1_000_000;
const LOAD: f64 = 0.8;
/// 1200 bytes at 10 Mbit/s, in nanoseconds.
const SERVICE: u64 = 960_000;
/// Packets in propagation must not count against the queue: about 83 propagate at any time, while an M/D/1 queue of
/// this load reaches 100 packets once in 10^19 arrivals.
const LINK: &str = "rate=10mbit,queue=100p,delay=100ms";
const DELAY: u64 = 100_000_000;
/// 5%. Waits are correlated over some 30 packets, so that three standard errors are about 2%.
const WAIT_TOLERANCE: f64 = 0.05;
/// Ten standard errors of independent draws, three of draws correlated over 10 packets.
const SHARE_TOLERANCE: f64 = 0.004;
/// Separates the arrivals' generator from the link's.
const ARRIVALS: u64 = 0x4d44_3100;

fn check(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let mut rng = generator(1, ARRIVALS);
    let mean_gap = SERVICE as f64 / LOAD;
    let mut clock = 0.0;
    let offers: Vec<(Time, usize)> = (0..PACKETS)
        .map(|_| {
            // 1 - u lies in (0, 1], where the logarithm is finite.
            clock -= mean_gap * libm::log(1.0 - unit(&mut rng));
            (Time::from_nanos(clock as u64), 1200)
        })
        .collect();
    let arrivals = wire.arrivals(link(LINK)?, 1, &offers);
    let waits = || {
        let arrived = offers.iter().zip(&arrivals).filter_map(|((sent, _), at)| Some((sent, (*at)?)));
        arrived.map(|(sent, at)| at.as_nanos().saturating_sub(sent.as_nanos() + SERVICE + DELAY))
    };
    let without_wait = waits().filter(|wait| *wait == 0).count();
    let missing = PACKETS - waits().count() as u64;
    let arrived = (PACKETS - missing) as f64;
    // Pollaczek and Khinchine, for a service time that does not vary.
    let expected = LOAD * SERVICE as f64 / (2.0 * (1.0 - LOAD));
    let sample = Sample(PACKETS, "packets");
    Ok(vec![
        Unit::Ns.figure("mean wait", sample).within(
            expected,
            WAIT_TOLERANCE * expected,
            waits().sum::<u64>() as f64 / arrived,
        ),
        Unit::Ratio.figure("do not wait", sample).within(
            1.0 - LOAD,
            SHARE_TOLERANCE,
            without_wait as f64 / arrived,
        ),
        Unit::Packets.figure("do not arrive", sample).exactly(0.0, missing as f64),
    ])
}
