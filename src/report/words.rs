//! Settings in words.

use super::{
    model::{Arrivals, Cell, Link, LinkDirection, LossBy, Ratio, Skipped, System, Workload},
    numbers::{count, plural, rate, setting, share, time},
};

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    joined(items, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn choice(items: &[String]) -> String {
    joined(items, "or")
}

fn joined(items: &[String], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}

/// Text from a file without control characters, which could steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The machine of a run in real time, and how punctual its emulated link was.
pub(crate) fn system(system: &System) -> String {
    let mut parts = vec![format!("{} on {}", plain(&system.kernel), plural(system.cores, "core"))];
    if let Some(late) = &system.lateness_ns
        && let (Some(p50), Some(p99)) = (late.p50, late.p99)
    {
        let (p50, p99) = (time(p50), time(p99));
        parts.push(format!(
            "the link delivered packets {p50} late at the median, {p99} at the 99th percentile"
        ));
    }
    if let Some(dropped) = system.dropped_packets {
        let dropped = if dropped == 0 { "no".to_owned() } else { count(dropped) };
        parts.push(format!("this machine dropped {dropped} packets"));
    }
    if let Some(errors) = system.send_errors.filter(|errors| *errors > 0) {
        parts.push(format!("{} could not be sent", plural(errors, "packet")));
    }
    parts.join("; ")
}

/// What was skipped, and why.
pub(crate) fn skipped(skipped: &Skipped) -> String {
    let Skipped { transport, path, reason } = skipped;
    format!("skipped {} on {}: {}", plain(transport), plain(path), plain(reason))
}

/// How many connections stand behind each row, if the rows are handshakes.
pub(crate) fn connections(cells: &[&Cell]) -> Option<String> {
    let most = cells.iter().filter_map(|cell| cell.handshake.as_ref()?.connections).max()?;
    let bytes = cells.first()?.workload.length_bytes.unwrap_or(0);
    Some(format!(
        "{} per row with two requests of {} each",
        plural(most, "connection"),
        plural(bytes, "byte")
    ))
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

/// The workload in words; empty where it has no settings, as for a handshake.
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
        parts.push(format!("{} per seed{warmup}", setting(duration)));
    }
    if let Some(deadline) = workload.deadline_ns {
        parts.push(format!("deadline {}", setting(deadline)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
