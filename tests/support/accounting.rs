//! Two checks of any result: the fates of messages, connections and bytes add up to their total, and no ratio has a
//! numerator above its denominator.

use wirelab::report::{Cell, Handshake, Messages, Ratio, ResultFile, Transfer, Wire};

/// What of `file` does not add up.
pub(crate) fn accounted(file: &ResultFile) -> Result<(), String> {
    file.cells.iter().try_for_each(|cell| adds_up(cell).map_err(|e| format!("{}: {e}", cell.transport)))
}

/// What of `cell` does not add up.
pub(crate) fn adds_up(cell: &Cell) -> Result<(), String> {
    let ratios = [
        cell.messages.as_ref().map(|messages| of_messages(cell, messages)),
        cell.transfer.as_ref().map(|transfer| of_transfer(cell, transfer)),
        cell.handshake.as_ref().map(|handshake| of_handshake(cell, handshake)),
        cell.wire.as_ref().map(of_wire),
    ];
    for ratios in ratios.into_iter().flatten() {
        ratios?.into_iter().try_for_each(Share::check)?;
    }
    let each =
        cell.per_seed.iter().flat_map(|seed| [seed.loss_ratio, seed.delayed_ratio, seed.blocked_ratio]);
    let is_share = |ratio: Ratio| (0.0..=1.0).contains(&ratio.get());
    is(each.flatten().all(is_share), || format!("a seed's share is none: {:?}", cell.per_seed))
}

/// A ratio, its numerator and its denominator.
struct Share(&'static str, Option<Ratio>, u64, u64);

impl Share {
    fn check(self) -> Result<(), String> {
        let Self(name, ratio, part, whole) = self;
        is(part <= whole, || format!("{name}: {part} of {whole}"))?;
        is(ratio == Ratio::of(part, whole), || format!("{name}: {ratio:?}, not {part} of {whole}"))
    }
}

fn is(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn of_messages(cell: &Cell, messages: &Messages) -> Result<Vec<Share>, String> {
    let &Messages { scheduled, sent, delivered, lost, unfinished, unknown, .. } = messages;
    is(delivered + lost + unfinished + unknown == scheduled, || format!("{messages:?}"))?;
    is(sent <= scheduled && messages.reordered.is_none_or(|n| n <= delivered), || format!("{messages:?}"))?;
    let latencies = cell.latency_ns.as_ref().map(|latency| latency.summary.n);
    is(latencies.is_none_or(|n| n == delivered), || format!("{latencies:?} latencies: {messages:?}"))?;
    let known = scheduled - unknown;
    let mut shares = vec![
        Share("loss_ratio", cell.loss_ratio, lost, known),
        Share("on_time_ratio", cell.on_time_ratio, messages.on_time.unwrap_or(delivered), known),
    ];
    if let Some(hol) = &cell.hol {
        shares.push(Share("blocked_ratio", hol.blocked_ratio, hol.blocked, delivered));
        for way in [&hol.to_server, &hol.to_client].into_iter().flatten() {
            shares.push(Share("blocked_ratio of a way", way.blocked_ratio, way.blocked, delivered));
            is(way.blocked <= hol.blocked, || format!("blocked: {} of {}", way.blocked, hol.blocked))?;
        }
    }
    if let Some(delayed) = &cell.delayed {
        is(delayed.n <= delivered && delayed.extra_ns.n == delayed.n, || format!("{delayed:?}"))?;
        // Of those delivered whose way is known.
        is(delayed.ratio.is_none_or(|ratio| ratio.get() <= 1.0), || format!("{delayed:?}"))?;
    }
    if let Some(network) = &cell.network {
        is(network.told <= delivered, || format!("{network:?}"))?;
        let known = (delivered + lost).checked_sub(network.unattributed);
        let mut reached = known.ok_or_else(|| format!("{lost} lost: {network:?}"))?;
        for way in [&network.to_server, &network.to_client].into_iter().flatten() {
            shares.push(Share("loss_ratio of a way", way.loss_ratio, way.lost, reached));
            shares.push(Share("reordered_ratio", way.reordered_ratio, way.reordered, network.told));
            reached = reached.saturating_sub(way.lost);
        }
        is(network.to_client.is_none() || reached == delivered, || format!("{delivered} came: {network:?}"))?;
    }
    Ok(shares)
}

fn of_transfer(cell: &Cell, transfer: &Transfer) -> Result<Vec<Share>, String> {
    let &Transfer { bytes, completed, failed, unknown, .. } = transfer;
    is(completed + failed == cell.seeds && unknown <= failed, || format!("{transfer:?}"))?;
    is(transfer.time_ns.n == completed, || format!("{transfer:?}"))?;
    let known = completed + failed - unknown;
    let arrived = transfer.arrived_bytes;
    is(arrived.is_some() == (known > 0), || format!("{transfer:?}"))?;
    let least = completed * bytes;
    is(arrived.is_none_or(|arrived| arrived >= least), || format!("completed: {transfer:?}"))?;
    if let (Some(missing), Some(arrived)) = (&transfer.missing, arrived) {
        is(missing.bytes <= known * bytes - arrived && missing.parts > 0, || format!("{transfer:?}"))?;
    }
    let share = |arrived| Share("arrived_ratio", transfer.arrived_ratio, arrived, known * bytes);
    Ok(arrived.map(share).into_iter().collect())
}

fn of_handshake(cell: &Cell, handshake: &Handshake) -> Result<Vec<Share>, String> {
    let wrong = || format!("{handshake:?}");
    let (Some(connections), Some(failed)) = (handshake.connections, handshake.failed) else {
        return Err(wrong());
    };
    let [connect, first, second] =
        [handshake.connect_ns, handshake.first_reply_ns, handshake.second_reply_ns].map(|s| s.map(|s| s.n));
    is(second == connections.checked_sub(failed), wrong)?;
    is(second <= first && first <= connect && connect <= Some(connections), wrong)?;
    let slow = handshake.over_1s_ratio.map(|ratio| ratio.get() * connections as f64);
    let slow = slow.map(|slow| slow.round() as u64);
    let count = |name: &str| cell.flags.iter().filter(|flag| flag.to_string() == name).count();
    is(count("no-reply") == usize::from(first == Some(0)), || format!("{:?}: {handshake:?}", cell.flags))?;
    Ok(slow
        .map(|slow| Share("over_1s_ratio", handshake.over_1s_ratio, slow, connections))
        .into_iter()
        .collect())
}

/// A packet has one fate, and only packets that arrive are reordered, corrupted or duplicated.
fn of_wire(wire: &Wire) -> Result<Vec<Share>, String> {
    for way in [wire.to_server, wire.to_client].into_iter().flatten() {
        let gone = way.lost + way.queue_dropped;
        let is_held = |some: u64| some + gone <= way.packets + way.duplicated;
        is([way.reordered, way.corrupted, way.duplicated].into_iter().all(is_held), || format!("{way:?}"))?;
    }
    Ok(Vec::new())
}
