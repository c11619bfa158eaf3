//! What is shown of handshakes.

use super::{
    model::{Cell, Handshake, HandshakeMode},
    ratio::Ratio,
    table::{Group, Topic, Value, time},
    words,
};

/// Medians and what they cost, then how first replies are distributed.
pub(super) const COLUMNS: [(&str, Topic, Value); 11] = [
    ("first reply", Topic::Cost, |cell| time(cell.handshake.as_ref()?.first_reply_ns?.p50)),
    ("second reply", Topic::Cost, |cell| time(cell.handshake.as_ref()?.second_reply_ns?.p50)),
    ("round trips", Topic::Cost, |cell| Some(format!("{:.2}", cell.handshake.as_ref()?.round_trips?.get()))),
    ("packets up/down", Topic::Cost, |cell| {
        let handshake = cell.handshake.as_ref()?;
        let (up, down) = (handshake.packets_to_server?, handshake.packets_to_client?);
        Some(format!("{:.1}/{:.1}", up.get(), down.get()))
    }),
    ("bytes up/down", Topic::Cost, |cell| {
        let handshake = cell.handshake.as_ref()?;
        let (up, down) = (handshake.bytes_to_server?, handshake.bytes_to_client?);
        Some(format!("{}/{}", words::count(up), words::count(down)))
    }),
    ("first p90", Topic::Replies, |cell| time(cell.handshake.as_ref()?.first_reply_ns?.p90)),
    ("first p99", Topic::Replies, |cell| time(cell.handshake.as_ref()?.first_reply_ns?.p99)),
    ("first max", Topic::Replies, |cell| time(cell.handshake.as_ref()?.first_reply_ns?.max)),
    ("1 s or more", Topic::Replies, |cell| cell.handshake.as_ref()?.over_1s_ratio.map(words::share)),
    ("failed", Topic::Replies, |cell| {
        let handshake = cell.handshake.as_ref()?;
        Ratio::of(handshake.failed?, handshake.connections?).map(words::share)
    }),
    ("connections/s", Topic::Replies, |cell| {
        let rate = cell.handshake.as_ref()?.connections_per_second?;
        Some(words::count(libm::round(rate.get()) as u64))
    }),
];

/// How many connections stand behind each row, if rows are of handshakes.
pub(super) fn connections(cells: &[&Cell]) -> Option<String> {
    let most = cells.iter().filter_map(|cell| cell.handshake.as_ref()?.connections).max()?;
    let bytes = cells[0].workload.length_bytes.unwrap_or(0);
    Some(format!(
        "{} a row, {} asked for twice",
        words::plural(most, "connection"),
        words::plural(bytes, "byte")
    ))
}

/// What a session saves each transport, a sentence each.
pub(super) fn savings(group: &Group<'_>) -> Vec<String> {
    let of = |cell: &Cell, mode| cell.handshake.clone().filter(|handshake| handshake.mode == mode);
    let mut sentences = Vec::new();
    for cold in &group.cells {
        let Some(known) = of(cold, HandshakeMode::Cold) else { continue };
        let alike = group.cells.iter().filter(|cell| {
            (&cell.transport, &cell.server, &cell.congestion)
                == (&cold.transport, &cold.server, &cold.congestion)
        });
        let savings: Vec<String> = alike
            .filter_map(|cell| {
                cell.handshake.as_ref().filter(|handshake| handshake.mode != HandshakeMode::Cold)
            })
            .map(|handshake| saving(&known, handshake))
            .collect();
        if !savings.is_empty() {
            let transport = words::plain(&cold.transport);
            sentences.push(format!("{transport}: against a cold connection, {}", savings.join("; ")));
        }
    }
    sentences
}

fn saving(cold: &Handshake, other: &Handshake) -> String {
    let medians = cold.first_reply_ns.and_then(|s| s.p50).zip(other.first_reply_ns.and_then(|s| s.p50));
    let sooner = match medians {
        None => "got no reply".to_owned(),
        Some((before, after)) if before.abs_diff(after) * 100 <= before => "is no sooner".to_owned(),
        Some((before, after)) if after < before => format!("is {} sooner", words::time(before - after)),
        Some((before, after)) => format!("is {} later", words::time(after - before)),
    };
    let bytes = |handshake: &Handshake| Some(handshake.bytes_to_server? + handshake.bytes_to_client?);
    let fewer = bytes(cold).zip(bytes(other)).and_then(|(before, after)| before.checked_sub(after));
    let fewer = fewer.filter(|fewer| *fewer > 0);
    let fewer = fewer.map(|fewer| format!(" and takes {} fewer bytes", words::count(fewer)));
    format!("{} {sooner}{}", other.mode.name(), fewer.unwrap_or_default())
}
