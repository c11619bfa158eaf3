//! What the link knows about retransmissions: which were needless, and which declared losses were true.

use super::words::Clock;
use crate::report::{
    model::episode::{DetectedLoss, Episode, LossCause, Packet, Resent},
    numbers::plural,
};

/// The most lines in a list. Packets of further lines are only counted.
const MOST: usize = 16;

/// A list of packets with what the link knows about them.
pub(in crate::report) struct Verdicts {
    pub(in crate::report) heading: String,
    pub(in crate::report) lines: Vec<String>,
}

/// The packets of `episode` that were sent again, each needed or needless, and those that their sender declared lost,
/// each rightly or falsely. Empty if there are none.
pub(in crate::report) fn verdicts(episode: &Episode, clock: &Clock) -> Vec<Verdicts> {
    let mut packets: Vec<&Packet> = episode.packets.iter().collect();
    packets.sort_by_key(|packet| packet.entered_ns);
    [resent(&packets, clock), lost(&packets, clock)].into_iter().flatten().collect()
}

fn resent(packets: &[&Packet], clock: &Clock) -> Option<Verdicts> {
    let line = |packet: &Packet| {
        let resent = packet.resent?;
        let verdict = if resent == Resent::Needless { "needless" } else { "needed" };
        let (at, from) = (clock.show(packet.entered_ns), packet.from.name());
        Some((resent == Resent::Needless, format!("{at} ms, by the {from}, {verdict}")))
    };
    verdicts_of(
        "sent again",
        "needlessly",
        packets.iter().filter_map(|packet| Some((*packet, line(packet)?))),
    )
}

fn lost(packets: &[&Packet], clock: &Clock) -> Option<Verdicts> {
    // The kernel's TCP reports no losses. What it sent again is in the other list.
    let is_declared = |loss: &DetectedLoss| loss.by != LossCause::Unknown;
    let found = packets.iter().filter_map(|packet| Some((*packet, packet.loss.filter(is_declared)?)));
    let mut found: Vec<(&Packet, DetectedLoss)> = found.collect();
    found.sort_by_key(|(_, loss)| loss.at_ns);
    let line = |packet: &Packet, loss: DetectedLoss| {
        let verdict = if loss.arrived { "false, it arrived" } else { "true" };
        let (at, from, by) = (clock.show(loss.at_ns), packet.from.name(), loss.by.words());
        let after = clock.since(packet.entered_ns, loss.at_ns);
        (loss.arrived, format!("{at} ms, by the {from}, {by} after {after} ms, {verdict}"))
    };
    verdicts_of(
        "declared lost",
        "falsely",
        found.into_iter().map(|(packet, loss)| (packet, line(packet, loss))),
    )
}

/// Packets with their verdicts: whether the sender was wrong, and a line. Packets with the same line share it.
fn verdicts_of<'a>(
    what: &str,
    wrong: &str,
    packets: impl Iterator<Item = (&'a Packet, (bool, String))>,
) -> Option<Verdicts> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    let (mut all, mut wrongly, mut left_out) = (0, 0, 0);
    for (packet, (is_wrong, line)) in packets {
        all += 1;
        wrongly += u64::from(is_wrong);
        match lines.iter().position(|(known, _)| *known == line) {
            Some(known) => lines[known].1.push(name(packet)),
            None if lines.len() == MOST => left_out += 1,
            None => lines.push((line, vec![name(packet)])),
        }
    }
    if all == 0 {
        return None;
    }
    let wrongly = match wrongly {
        0 => "none".to_owned(),
        _ if wrongly == all => "all".to_owned(),
        wrongly => wrongly.to_string(),
    };
    let were = if all == 1 { "was" } else { "were" };
    let heading = format!("{} {were} {what}, {wrongly} {wrong}", plural(all, "packet"));
    let mut lines: Vec<String> =
        lines.into_iter().map(|(line, packets)| format!("{line}: {}", packets.join(", "))).collect();
    if left_out > 0 {
        lines.push(format!("and {}", plural(left_out, "other packet")));
    }
    Some(Verdicts { heading, lines })
}

/// The first message of a packet, and the number of the others.
fn name(packet: &Packet) -> String {
    match packet.carries.as_slice() {
        [] => "no message".to_owned(),
        [only] => format!("#{}", only.message.number),
        [first, more @ ..] => format!("#{} +{}", first.message.number, more.len()),
    }
}
