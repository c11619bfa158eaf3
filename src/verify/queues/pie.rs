//! PIE: how its probability rises, and where it and the delay settle.

use super::{Case, CaseError, Finding, MS, Sample, Unit, Wire, fates, stream};

pub(in crate::verify) const RISE: Case =
    Case { number: 17, setting: "PIE (RFC 8033), 2 x overload: the rise of its probability", check: rise };

pub(in crate::verify) const SETTLED: Case =
    Case { number: 17, setting: "PIE (RFC 8033), constant load of 10/9", check: settled };

/// 225 s, with 45 s to settle.
const PACKETS: u64 = 250_000;
const SETTLING: usize = 50_000;
/// Half a percent: 18 standard errors of independent drops.
const SHARE_TOLERANCE: f64 = 0.005;
/// 5%. The delay varies around the target, because drops are random. Its mean over 10 s varies by 3%.
const DELAY_TOLERANCE: f64 = 0.05;
/// The probability is constant if the delay is constant and equal to the target (section 4.2).
const TARGET: f64 = 15e6;

fn settled(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let offers: Vec<_> = stream(PACKETS, MS * 9 / 10).collect();
    let fates = fates(wire, "pie:15ms:15ms", &offers)?;
    let settled = &fates[SETTLING..];
    let waits = || settled.iter().filter(|fate| fate.arrived).map(|fate| fate.queued.as_nanos() as f64);
    let arrived = waits().count() as f64;
    let sample = Sample(settled.len() as u64, "packets");
    // The length of the queue is constant if the packets that are not dropped arrive at the rate of the link.
    let dropped = 1.0 - arrived / settled.len() as f64;
    Ok(vec![
        Unit::Ratio.figure("dropped", sample).within(0.1, SHARE_TOLERANCE, dropped),
        Unit::Ns.figure("mean wait", sample).within(
            TARGET,
            DELAY_TOLERANCE * TARGET,
            waits().sum::<f64>() / arrived,
        ),
    ])
}

/// The first packets of the other case: half a second. Later the probability depends on which packets were dropped.
const FIRST: u64 = 1000;

/// The probability rises slowly while it is small, because adjustments are scaled by it. The number of drops agrees
/// with the equations for a fluid, within three standard errors of independent drops.
fn rise(wire: &dyn Wire) -> Result<Vec<Finding>, CaseError> {
    let offers: Vec<_> = stream(FIRST, MS / 2).collect();
    let dropped = fates(wire, "pie:15ms:15ms", &offers)?.iter().filter(|fate| !fate.arrived).count() as f64;
    let expected = equations(FIRST as usize);
    let figure = Unit::Packets.figure("dropped in half a second", Sample(FIRST, "packets"));
    Ok(vec![figure.within(expected, 3.0 * libm::sqrt(expected), dropped)])
}

/// Drops among this many packets in a fluid that flows in at twice the rate, by the equations of RFC 8033 section 4.2.
/// Packet n is offered after n/2 ms. The link has then served what was offered up to packet `head`.
fn equations(packets: usize) -> f64 {
    const TARGET: f64 = 0.015;
    const UPDATE: f64 = 0.015;
    /// Packets for each update.
    const EVERY: usize = 30;
    /// No packet is dropped before this update (section 4.4).
    const FIRST_UPDATE: usize = 10;
    let (mut probability, mut old, mut head) = (0.0_f64, 0.0, 0.0_f64);
    let mut chances = Vec::with_capacity(packets);
    for packet in 0..packets {
        if packet > 0 && packet % EVERY == 0 {
            let delay = (packet as f64 - head) / EVERY as f64 * UPDATE;
            let change = 0.125 * (delay - TARGET) + 1.25 * (delay - old);
            let scale = match probability {
                p if p < 0.000_001 => 2048.0,
                p if p < 0.000_01 => 512.0,
                p if p < 0.000_1 => 128.0,
                p if p < 0.001 => 32.0,
                p if p < 0.01 => 8.0,
                p if p < 0.1 => 2.0,
                _ => 1.0,
            };
            probability = (probability + change / scale).clamp(0.0, 1.0);
            old = delay;
        }
        chances.push(if packet >= FIRST_UPDATE * EVERY { probability } else { 0.0 });
        // Half a packet leaves in the time of one offer, and those that were dropped take no time.
        head += 0.5 / (1.0 - chances[head as usize]);
    }
    chances.iter().sum()
}
