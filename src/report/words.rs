//! Figures and settings in words, for every renderer that people read.

use super::{
    model::{Arrivals, Link, LinkDirection, LossBy, System, Transfer, Workload},
    ratio::Ratio,
};

type Units = [(u64, &'static str); 4];

const TIMES: Units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];

const RATES: Units = [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1_000, "kbit/s"), (1, "bit/s")];

/// A measured time to three significant digits, which is what a histogram holds: `50.0 ms`.
pub(crate) fn time(ns: u64) -> String {
    measured(ns, TIMES)
}

/// A measured rate to three significant digits: `9.41 Mbit/s`.
pub(crate) fn throughput(bps: u64) -> String {
    measured(bps, RATES)
}

fn measured(value: u64, units: Units) -> String {
    let mut step = 1;
    while value / step >= 1000 {
        step *= 10;
    }
    // Rounded before the unit is chosen: 999.9 us is 1.00 ms.
    let rounded = (value.saturating_add(step / 2) / step).saturating_mul(step);
    let (scale, unit) = unit_of(rounded, units);
    let decimals = match (scale, rounded / scale) {
        (1, _) | (_, 100..) => 0,
        (_, 10..) => 1,
        _ => 2,
    };
    format!("{:.decimals$} {unit}", rounded as f64 / scale as f64)
}

/// A time that was set, exactly and without idle zeros: `50 ms`, `112.5 ms`.
pub(crate) fn setting(ns: u64) -> String {
    let (scale, unit) = unit_of(ns, TIMES);
    format!("{} {unit}", decimal(ns, scale))
}

/// A rate that was set: `20 Mbit/s`.
fn rate(bps: u64) -> String {
    let (scale, unit) = unit_of(bps, RATES);
    format!("{} {unit}", decimal(bps, scale))
}

fn unit_of(value: u64, units: Units) -> (u64, &'static str) {
    units.into_iter().find(|&(scale, _)| value >= scale).unwrap_or(units[units.len() - 1])
}

/// `value / scale` with as many decimals as it needs; `scale` is a power of ten.
fn decimal(value: u64, scale: u64) -> String {
    let (whole, part) = (value / scale, value % scale);
    if part == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{part:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// A share in percent. `0%` and `100%` are none and all; what merely rounds to them says so.
pub(crate) fn share(ratio: Ratio) -> String {
    let ratio = ratio.get();
    match ratio {
        0.0 => "0%".to_owned(),
        1.0 => "100%".to_owned(),
        _ if 0.0 < ratio && ratio < 0.000_05 => "<0.01%".to_owned(),
        _ if 0.999_95 < ratio && ratio < 1.0 => ">99.99%".to_owned(),
        _ => format!("{:.2}%", ratio * 100.0),
    }
}

/// A whole number with its thousands apart: `1,234`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `n` of something, in the plural unless it is one.
pub(crate) fn plural(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(n))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// What a transfer lacks, and why one has stopped.
pub(crate) fn lacking(label: &str, transfer: &Transfer) -> Vec<String> {
    const SHOWN: usize = 6;
    let missing = transfer.missing.as_ref().map(|missing| {
        let parts = missing.first.iter().take(SHOWN).map(|[start, end]| format!("{start}..{end}"));
        let more = if missing.parts > SHOWN as u64 { ", …" } else { "" };
        let parts = parts.collect::<Vec<_>>().join(", ");
        let (gaps, bytes) = (plural(missing.parts, "gap"), plural(missing.bytes, "byte"));
        format!("{label}: {bytes} missing in {gaps} of the first incomplete transfer: {parts}{more}")
    });
    let stopped = transfer.stopped.as_ref().map(|reason| format!("{label}: stopped: {}", plain(reason)));
    missing.into_iter().chain(stopped).collect()
}

/// Text from a file without what would steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The machine of a run in real time, and how well it kept the wire's times.
pub(crate) fn system(system: &System) -> String {
    let mut parts = vec![format!("{} on {}", plain(&system.kernel), plural(system.cores, "core"))];
    if let Some(late) = &system.lateness_ns
        && let (Some(p50), Some(p99)) = (late.p50, late.p99)
    {
        let (p50, p99) = (time(p50), time(p99));
        parts
            .push(format!("packets left the wire {p50} late at the median and {p99} at the 99th percentile"));
    }
    match system.dropped_packets {
        Some(0) => parts.push("this machine dropped none".to_owned()),
        Some(dropped) => parts.push(format!("this machine dropped {}", count(dropped))),
        None => {}
    }
    if let Some(errors) = system.send_errors.filter(|errors| *errors > 0) {
        parts.push(format!("{} could not be sent", count(errors)));
    }
    parts.join("; ")
}

/// The link in words; `None` is a real network.
pub(crate) fn link(link: Option<&Link>) -> String {
    let Some(Link { to_server, to_client }) = link else {
        return "the real network, nothing emulated".to_owned();
    };
    let rtt = setting(to_server.delay_ns.saturating_add(to_client.delay_ns));
    if to_server == to_client {
        let echo = match to_server.loss_ratio.map(Ratio::get) {
            // A slot of time may strike both ways or neither; only draws a packet are independent.
            Some(p) if p > 0.0 && to_server.loss_by == LossBy::Packet => {
                Ratio::new(1.0 - (1.0 - p) * (1.0 - p)).map(share)
            }
            _ => None,
        };
        let echo = echo.map_or_else(String::new, |echo| format!(" ({echo} of echoes)"));
        let effects = effects(to_server, &format!(" each way{echo}"));
        return format!("{rtt} round trip, {effects}");
    }
    format!(
        "{rtt} round trip; to server {} and {}; to client {} and {}",
        setting(to_server.delay_ns),
        effects(to_server, ""),
        setting(to_client.delay_ns),
        effects(to_client, ""),
    )
}

/// All that one direction does to packets besides the delay; `after_loss` qualifies the loss.
fn effects(direction: &LinkDirection, after_loss: &str) -> String {
    let mut parts = Vec::new();
    match &direction.loss {
        Some(loss) => {
            let slot = direction.loss_slot_ns.map_or_else(String::new, setting);
            let by = match direction.loss_by {
                LossBy::Packet => String::new(),
                LossBy::Time => format!(" by time in slots of {slot}"),
            };
            parts.push(format!("loss {}{by}{after_loss}", plain(loss)));
        }
        None => parts.push("no loss".to_owned()),
    }
    if let Some(jitter) = direction.jitter_ns {
        let order = if direction.keep_order { " in order" } else { "" };
        parts.push(format!("jitter {}{order}", setting(jitter)));
    }
    if let Some(bottleneck) = direction.rate_bps {
        let queue = match (direction.queue_bytes, direction.queue_packets) {
            (Some(bytes), _) => format!(" with a queue of {} bytes", count(bytes)),
            (None, Some(packets)) => format!(" with a queue of {}", plural(packets, "packet")),
            (None, None) => String::new(),
        };
        parts.push(format!("{}{queue}", rate(bottleneck)));
    }
    for (ratio, what) in [
        (direction.reorder_ratio, "reordered"),
        (direction.duplicate_ratio, "duplicated"),
        (direction.corrupt_ratio, "corrupted"),
    ] {
        if let Some(ratio) = ratio.filter(|ratio| ratio.get() > 0.0) {
            parts.push(format!("{} {what}", share(ratio)));
        }
    }
    parts.join(", ")
}

/// The workload in words; empty if it says nothing, as for a handshake.
pub(crate) fn workload(workload: &Workload) -> String {
    let mut parts = Vec::new();
    if let Some(interval) = workload.interval_ns {
        let length = workload.length_bytes.unwrap_or(0);
        let spacing = match workload.arrivals {
            Some(Arrivals::Poisson) => "on average every",
            _ => "every",
        };
        parts.push(format!(
            "{} bytes {spacing} {} over {}",
            count(length),
            setting(interval),
            plural(workload.flows, "flow")
        ));
    }
    if let Some(reply) = workload.reply_length_bytes
        && workload.length_bytes != Some(reply)
    {
        parts.push(format!("replies of {} bytes", count(reply)));
    }
    if let Some(duration) = workload.duration_ns {
        let warmup = match workload.warmup_ns {
            Some(warmup) if warmup > 0 => format!(" after {} of warm-up", setting(warmup)),
            _ => String::new(),
        };
        parts.push(format!("{} a seed{warmup}", setting(duration)));
    }
    if let Some(deadline) = workload.deadline_ns {
        parts.push(format!("on time is within {}", setting(deadline)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_significant_digits_and_the_unit_that_suits() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (12_345, "12.3 us"),
            (999_900, "1.00 ms"),
            (49_950_000, "50.0 ms"),
            (162_400_000, "162 ms"),
            (999_600_000, "1.00 s"),
            (3_600_000_000_000, "3600 s"),
        ] {
            assert_eq!(time(ns), text);
        }
        assert_eq!(time(u64::MAX), "18400000000 s");
    }

    #[test]
    fn settings_are_exact() {
        for (ns, text) in [
            (10_000_000, "10 ms"),
            (112_500_000, "112.5 ms"),
            (60_000_000_000, "60 s"),
            (1, "1 ns"),
            (0, "0 ns"),
        ] {
            assert_eq!(setting(ns), text);
        }
        assert_eq!(rate(2_500_000), "2.5 Mbit/s");
    }

    #[test]
    fn only_none_and_all_are_written_as_none_and_all() {
        let of = |a, b| share(Ratio::of(a, b).unwrap());
        assert_eq!(of(0, 10), "0%");
        assert_eq!(of(10, 10), "100%");
        assert_eq!(of(1, 100_000), "<0.01%");
        assert_eq!(of(99_999, 100_000), ">99.99%");
        assert_eq!(of(199, 10_000), "1.99%");
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn a_direction_of_its_own_is_described_on_its_own() {
        let direction = |delay_ns, loss: Option<&str>| LinkDirection {
            delay_ns,
            loss: loss.map(str::to_owned),
            rate_bps: Some(20_000_000),
            queue_packets: Some(100),
            jitter_ns: Some(5_000_000),
            mtu_bytes: 1500,
            ..LinkDirection::default()
        };
        let both = Link {
            to_server: direction(10_000_000, Some("outage:2s:300ms")),
            to_client: direction(30_000_000, None),
        };
        assert_eq!(
            link(Some(&both)),
            "40 ms round trip; to server 10 ms and loss outage:2s:300ms, jitter 5 ms, 20 Mbit/s \
             with a queue of 100 packets; to client 30 ms and no loss, jitter 5 ms, 20 Mbit/s \
             with a queue of 100 packets"
        );
        assert_eq!(link(None), "the real network, nothing emulated");
    }
}
