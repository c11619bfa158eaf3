//! What a session ticket saves a connection.

use super::{
    group::Group,
    model::{Cell, Handshake, HandshakeMode},
    numbers, words,
};

/// For each transport with sessions: how its other modes compare with a cold connection.
pub(super) fn savings(group: &Group<'_>) -> Vec<String> {
    group.cells.iter().filter_map(|cell| of_transport(group, cell)).collect()
}

fn of_transport(group: &Group<'_>, cell: &Cell) -> Option<String> {
    let cold = cell.handshake.as_ref().filter(|handshake| handshake.mode == HandshakeMode::Cold)?;
    let same = |other: &&&Cell| {
        (&other.transport, &other.server, &other.congestion, other.loss_detection)
            == (&cell.transport, &cell.server, &cell.congestion, cell.loss_detection)
    };
    let others = group.cells.iter().filter(same).filter_map(|cell| cell.handshake.as_ref());
    let others = others.filter(|handshake| handshake.mode != HandshakeMode::Cold);
    let savings: Vec<String> = others.map(|handshake| saving(cold, handshake)).collect();
    (!savings.is_empty()).then(|| {
        format!("{}, compared with a cold connection: {}", words::plain(&cell.transport), savings.join("; "))
    })
}

fn saving(cold: &Handshake, other: &Handshake) -> String {
    let medians = cold.first_reply_ns.and_then(|s| s.p50).zip(other.first_reply_ns.and_then(|s| s.p50));
    let faster = match medians {
        None => "got no reply".to_owned(),
        Some((before, after)) if before.abs_diff(after) * 100 <= before => "is no faster".to_owned(),
        Some((before, after)) if after < before => format!("is {} faster", numbers::time(before - after)),
        Some((before, after)) => format!("is {} slower", numbers::time(after - before)),
    };
    let bytes = |handshake: &Handshake| Some(handshake.bytes_to_server? + handshake.bytes_to_client?);
    let saved = bytes(cold).zip(bytes(other)).and_then(|(before, after)| before.checked_sub(after));
    let saved = saved.filter(|saved| *saved > 0);
    let saved = saved.map(|saved| format!(" and needs {} fewer bytes", numbers::count(saved)));
    format!("{} {faster}{}", other.mode, saved.unwrap_or_default())
}
