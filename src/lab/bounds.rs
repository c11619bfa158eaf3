//! What one request may ask for.

use std::time::Duration;

use super::LabError;
use crate::{
    experiment::{
        Experiment,
        page::{PagePlan, Pages, REQUEST_BYTES},
    },
    path::CLOSING,
    scenario::Scenario,
};

/// The most flows.
const MAX_FLOWS: u32 = 1000;
/// The shortest interval between messages.
const MIN_INTERVAL: Duration = Duration::from_micros(10);
/// The longest measured time, and the longest warm-up.
const MAX_DURATION: Duration = Duration::from_secs(3600);
/// The most cells of a result.
const MAX_CELLS: u64 = 40;
/// The most runs.
const MAX_RUNS: u64 = 2000;
/// The most packets that all runs together may be expected to send.
const MAX_PACKETS: u64 = 4_000_000;
/// The most time that a request may take on a path in real time.
const MAX_REAL_TIME: Duration = Duration::from_secs(120);
/// The most bytes of a message in one packet: QUIC begins with this much.
const MAX_PACKET_BYTES: u16 = 1200;
/// Bytes of the headers of IP, UDP and a transport, roughly.
const HEADER_BYTES: u16 = 60;
/// A run in virtual time is ended after this.
const MAX_WALL_TIME: Duration = Duration::from_secs(60);

/// Checks that a request is not too large. Returns why it is refused.
pub(super) fn check(scenario: &Scenario) -> Result<(), LabError> {
    let Scenario { workload, .. } = scenario;
    let cells = scenario.rows();
    let runs = cells.saturating_mul(scenario.seeds);
    let packets = packets(scenario);
    let refusal = if workload.flows > MAX_FLOWS {
        format!("{} flows are too many: at most {MAX_FLOWS}", workload.flows)
    } else if workload.interval < MIN_INTERVAL {
        format!("the interval is too short: at least {} us", MIN_INTERVAL.as_micros())
    } else if workload.duration.max(workload.warmup) > MAX_DURATION {
        format!("the run is too long: at most {} s", MAX_DURATION.as_secs())
    } else if cells > MAX_CELLS {
        format!("{cells} cells are too many: at most {MAX_CELLS}")
    } else if runs > MAX_RUNS {
        format!("{runs} runs are too many: at most {MAX_RUNS}; use fewer seeds or transports")
    } else if packets > MAX_PACKETS {
        format!(
            "this would send about {packets} packets, and at most {MAX_PACKETS} are allowed: use fewer seeds, a shorter \
             run or a longer interval"
        )
    } else if scenario.path.is_real_time() && real_time(scenario) > MAX_REAL_TIME {
        format!(
            "this would take {} s in real time, and at most {} s are allowed: use fewer seeds, fewer transports or a \
             shorter run",
            real_time(scenario).as_secs(),
            MAX_REAL_TIME.as_secs()
        )
    } else {
        return Ok(());
    };
    Err(LabError::Bound(refusal))
}

/// The packets of all runs, without retransmissions.
fn packets(scenario: &Scenario) -> u64 {
    let mtu = scenario.links.to_server.mtu.min(scenario.links.to_client.mtu);
    let each_holds = mtu.saturating_sub(HEADER_BYTES).clamp(1, MAX_PACKET_BYTES);
    let of = |bytes: u64| bytes.div_ceil(each_holds.into()).max(1);
    // Each is acknowledged, at worst one by one.
    let of_page = |plan: &PagePlan| {
        let objects = plan.page.count() * of(REQUEST_BYTES as u64);
        plan.loads.saturating_mul(2 * (of(plan.page.expected_bytes() as u64) + objects))
    };
    let of_run = match scenario.page_plans() {
        Some(plans) => plans.iter().map(of_page).fold(0, u64::saturating_add),
        None => scenario.rows().saturating_mul(messages(scenario, of).saturating_mul(2)),
    };
    of_run.saturating_mul(scenario.seeds)
}

/// The packets that carry the messages and replies of one run. `of` tells how many carry a number of bytes.
fn messages(scenario: &Scenario, of: impl Fn(u64) -> u64) -> u64 {
    let workload = &scenario.workload;
    let messages = (workload.warmup + workload.duration).as_nanos() / workload.interval.as_nanos().max(1);
    let each = of(workload.length as u64) + of(workload.reply_length as u64);
    u64::try_from(messages).unwrap_or(u64::MAX).saturating_mul(each)
}

/// How long all runs take on a path in real time.
fn real_time(scenario: &Scenario) -> Duration {
    const OTHERS: Duration = CLOSING.saturating_add(Duration::from_secs(1));
    let seeds = u32::try_from(scenario.seeds).unwrap_or(u32::MAX);
    // Loss makes a load take longer than its bytes and round trips.
    let of_page = |plan: &PagePlan| {
        let loads = u32::try_from(plan.loads).unwrap_or(u32::MAX);
        Pages::size(plan).duration.unwrap_or_default().saturating_mul(2) + OTHERS.saturating_mul(loads)
    };
    let of_all = match scenario.page_plans() {
        Some(plans) => plans.iter().map(of_page).fold(Duration::ZERO, Duration::saturating_add),
        None => {
            let run = scenario.workload.warmup + scenario.workload.duration + OTHERS;
            run.saturating_mul(u32::try_from(scenario.rows()).unwrap_or(u32::MAX))
        }
    };
    of_all.saturating_mul(seeds)
}

/// The longest that a request may take before it is ended.
pub(super) fn longest(scenario: &Scenario) -> Duration {
    match scenario.path.is_real_time() {
        true => real_time(scenario) * 2 + scenario.workload.wait.most + Duration::from_secs(20),
        false => MAX_WALL_TIME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_beyond_a_bound_is_refused_with_its_reason() {
        let refusal = |line: &str| check(&Scenario::parse(line).unwrap()).map_err(|e| e.to_string());
        for (line, part) in [
            ("hol -t udp --flows 1000000", "1000000 flows are too many"),
            ("hol -t udp -i 1ns -d 1ms", "interval is too short"),
            ("hol -t udp -d 48h -i 1h", "the run is too long"),
            (
                "hol -t quic -C cubic,newreno,fixed:1000,fixed:2000,fixed:3000,fixed:4000,fixed:5000,fixed:6000,fixed:7000,fixed:8000,fixed:9000",
                "44 cells",
            ),
            ("hol -t udp --seeds 5000 -d 10ms", "5000 runs are too many"),
            ("hol -t quic -d 60s --seeds 100", "packets"),
            ("hol -t quic-one -l 16MiB -d 60s -i 1s", "packets"),
            ("hol -t arq -l 12KB -d 60s -i 4ms --seeds 1 --mtu 576", "packets"),
            ("hol -t udp --path relay -d 60s --seeds 10", "in real time"),
            ("bench -t quic-one --workload page:1000:10MB --seeds 1", "packets"),
            ("bench -t quic-one --workload page --loads 100000 --seeds 1", "packets"),
            ("bench -t quic-one --workload page --path relay --loads 200 --seeds 1", "in real time"),
        ] {
            let said = refusal(line).unwrap_err();
            assert!(said.contains(part) && said.lines().count() == 1, "{line}: {said}");
        }
        for line in [
            "hol -t udp,quic -d 10s --seeds 5",
            "hol -t arq -l 12KB -d 60s -i 4ms --seeds 1",
            "bench -t udp --path relay -d 10s --seeds 5",
            "bench -t quic --workload page --seeds 5",
            "bench -t quic-one --workload page --path relay --seeds 1",
        ] {
            assert_eq!(refusal(line), Ok(()), "{line}");
        }
    }
}
