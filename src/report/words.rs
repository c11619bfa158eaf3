//! Settings in words.

use super::{
    model::{
        Arrivals, Cell, HandshakeMode, Link, Load, LoadSender, Page, Ratio, Skipped, System,
        TransferDirection, Workload,
    },
    numbers::{count, plural, rate, setting, share, time},
};
use crate::link::{LinkSettings, PROPERTIES, Property, Word};

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

/// The senders of the background.
pub(crate) fn background(load: &Load) -> String {
    let mut senders: Vec<(&str, [u64; 2])> = Vec::new();
    for LoadSender { sender, direction, .. } in &load.background {
        let place = senders.iter().position(|(known, _)| known == sender).unwrap_or_else(|| {
            senders.push((sender, [0, 0]));
            senders.len() - 1
        });
        senders[place].1[usize::from(*direction == TransferDirection::Down)] += 1;
    }
    let named = |(sender, [up, down]): &(&str, [u64; 2])| {
        let way = match (up, down) {
            (_, 0) => "up",
            (0, _) => "down",
            _ => "each way",
        };
        let times = if *up.max(down) > 1 { format!("{} ", up.max(down)) } else { String::new() };
        format!("{times}{} {way}", plain(sender))
    };
    format!("beside {}", list(&senders.iter().map(named).collect::<Vec<_>>()))
}

/// How many loads stand behind each row, if a page was loaded.
pub(crate) fn loads(cells: &[&Cell]) -> Option<String> {
    let pages = || cells.iter().filter_map(|cell| cell.page.as_ref());
    let most = pages().map(|page| page.loads).max()?;
    let objects = plural(pages().next()?.objects, "object");
    let bytes = pages().find_map(|page| page.mean_bytes).unwrap_or(0);
    Some(format!("{} per row of {objects} with {} bytes on average", plural(most, "load"), count(bytes)))
}

/// What each transfer moves and in which direction, and the pace of raw datagrams.
pub(crate) fn transfers(cells: &[&Cell]) -> Option<String> {
    let transfers = || cells.iter().filter_map(|cell| cell.transfer.as_ref());
    let sizes = || transfers().map(|transfer| transfer.bytes);
    let (fewest, most) = (sizes().min()?, sizes().max()?);
    let bytes = match fewest == most {
        true => plural(most, "byte"),
        false => format!("{} to {}", count(fewest), plural(most, "byte")),
    };
    let way = match transfers().find_map(|transfer| transfer.direction) {
        Some(TransferDirection::Up) => " to the server",
        Some(TransferDirection::Down) => " to the client",
        None => "",
    };
    let paces = transfers().filter_map(|transfer| transfer.pace_bps);
    let pace = paces.max().map_or_else(String::new, |pace| format!(", raw datagrams at {}", rate(pace)));
    Some(format!("{bytes}{way}{pace}"))
}

/// The part of a label that distinguishes a row of page loads from others of its transport.
pub(crate) fn page_row(page: &Page) -> String {
    let connections = page.max_connections.map(|most| format!(" {}", plural(most, "connection")));
    let mode = (page.mode != HandshakeMode::Cold).then(|| format!(" {}", page.mode));
    connections.into_iter().chain(mode).collect()
}

/// The link in words; `None` is a real network. The loss of echoes is added only if there are echoes.
pub(crate) fn link(link: Option<&Link>, has_echoes: bool) -> String {
    let Some(Link { to_server, to_client }) = link else {
        return "the real network, nothing emulated".to_owned();
    };
    let (there, back) = (delay(to_server), delay(to_client));
    let rtt = setting(there.saturating_add(back));
    if to_server == to_client {
        let echo = match to_server.ratio("loss_ratio") {
            // A slot of time may strike both ways or neither; only draws a packet are independent.
            Some(p) if has_echoes && p > 0.0 && to_server.text("loss_by") == Some("packet") => {
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
        setting(there),
        effects(to_server, ""),
        setting(back),
        effects(to_client, ""),
    )
}

fn delay(direction: &LinkSettings) -> u64 {
    direction.count("delay_ns").unwrap_or(0)
}

/// What one direction does to packets besides the delay, the loss first; `after_loss` qualifies the loss.
fn effects(direction: &LinkSettings, after_loss: &str) -> String {
    let is_loss = |property: &&Property| property.key() == "loss";
    let phrase = |property: &Property| property.words(direction).iter().map(word).collect::<String>();
    let mut loss: String = PROPERTIES.iter().filter(is_loss).map(phrase).collect();
    if direction.text("loss").is_some() {
        loss.push_str(after_loss);
    }
    let others = PROPERTIES.iter().filter(|property| !is_loss(property)).map(phrase);
    let phrases: Vec<String> =
        std::iter::once(loss).chain(others).filter(|phrase| !phrase.is_empty()).collect();
    phrases.join(", ")
}

fn word(word: &Word) -> String {
    match word {
        Word::Text(text) => (*text).to_owned(),
        Word::Quoted(text) => plain(text),
        Word::Time(ns) => setting(*ns),
        Word::Rate(bps) => rate(*bps),
        Word::Share(ratio) => Ratio::new(*ratio).map_or_else(String::new, share),
        Word::Count(n) => count(*n),
        Word::Packets(n) => plural(*n, "packet"),
    }
}

/// The workload in words; empty where it has no settings, as for a handshake.
pub(crate) fn workload(workload: &Workload) -> String {
    let mut parts = Vec::new();
    if let (Some(application), Some(playout)) = (&workload.application, workload.playout_ns) {
        let length = workload.length_bytes.unwrap_or(0);
        parts.push(format!("{} in messages of {} bytes", plain(application), count(length)));
        parts.push(format!("shown {} after capture", setting(playout)));
        parts
            .extend(workload.drop_late.filter(|drops| *drops).map(|_| "late frames are given up".to_owned()));
    } else if let Some(game) = workload.application.as_ref().filter(|name| name.starts_with("game")) {
        let length = workload.length_bytes.unwrap_or(0);
        parts.push(format!("{}: updates of {} bytes both ways", plain(game), count(length)));
    } else if let Some(page) = workload.application.as_ref().filter(|name| name.starts_with("page")) {
        let length = workload.length_bytes.unwrap_or(0);
        parts.push(format!("{} with requests of {} bytes", plain(page), count(length)));
    } else if let Some(interval) = workload.interval_ns {
        let length = workload.length_bytes.unwrap_or(0);
        let spacing = match workload.arrivals {
            Some(Arrivals::Poisson) => "on average every",
            _ => "every",
        };
        let flows = match workload.flows {
            1 => "on 1 flow".to_owned(),
            flows => format!("spread over {} flows", count(flows)),
        };
        parts.push(format!("a message of {} bytes {spacing} {}, {flows}", count(length), setting(interval)));
    }
    if let Some(reply) = workload.reply_length_bytes
        && reply > 0
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
    if let Some(deadline) = workload.deadline_ns
        && workload.playout_ns.is_none()
    {
        parts.push(format!("deadline {}", setting(deadline)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{LinkSettings, LinkSpec};

    #[test]
    fn a_direction_of_its_own_is_described_on_its_own() {
        let direction = |pairs: &str| {
            let spec: LinkSpec = format!("rate=20mbit,queue=100p,jitter=5ms,{pairs}").parse().unwrap();
            LinkSettings::of(&spec)
        };
        let both = Link {
            to_server: direction("delay=10ms,loss=outage:2s:300ms"),
            to_client: direction("delay=30ms"),
        };
        assert_eq!(
            link(Some(&both), true),
            "40 ms round trip; to server 10 ms and loss outage:2s:300ms, jitter 5 ms, 20 Mbit/s \
             with a queue of 100 packets; to client 30 ms and no loss, jitter 5 ms, 20 Mbit/s \
             with a queue of 100 packets"
        );
        assert_eq!(link(None, true), "the real network, nothing emulated");
    }
}
