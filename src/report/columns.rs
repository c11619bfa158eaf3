//! The columns of the tables: what is shown of a cell, by topic.

mod applications;

use self::applications::{GAME, PAGE, VIDEO};
use super::{
    block::Topic,
    figure::Figure,
    migrations::per_change,
    model::{
        ByCause, Cell, FoundLosses, Handshake, Hol, KernelRecovery, LossCauses, Messages, Network,
        NetworkDirection, QueueDirection, Ratio, Theory, Transfer, TransferDirection, Truth, Wire,
    },
};
use crate::unit::Direction;

/// How a column's figure is read from a cell.
pub(super) type Read = fn(&Cell) -> Option<Figure>;

/// A column: its title, its topic and its figure.
pub(super) type Spec = (&'static str, Topic, Read);

/// The columns of every command, in the order of the tables.
pub(super) fn all() -> impl Iterator<Item = &'static Spec> {
    let main = MESSAGES
        .iter()
        .chain(&VIDEO)
        .chain(&GAME)
        .chain(&PAGE)
        .chain(&TRANSFER)
        .chain(&SHARE)
        .chain(&HANDSHAKE)
        .chain(&COST);
    main.chain(&NETWORK)
        .chain(&QUEUE)
        .chain(&MIGRATION)
        .chain(&REPLIES)
        .chain(&BLOCKING)
        .chain(&TRUTH)
        .chain(&DETECTION)
}

/// Whether a column describes single messages. Tables of calls and games leave these columns out.
pub(super) fn is_of_messages(title: &str, topic: Topic) -> bool {
    topic != Topic::Duration && MESSAGES.iter().any(|column| (column.0, column.1) == (title, topic))
}

/// Columns that are left out where all their figures are zero.
pub(super) const EXCEPTIONAL: [&str; 8] = [
    "failed loads",
    "unfinished",
    "unknown",
    "lost up or down",
    "dropped up",
    "dropped down",
    "marked up",
    "marked down",
];

const MESSAGES: [Spec; 16] = [
    ("delivered", Topic::Outcome, delivered),
    ("on time", Topic::Outcome, |cell| share(cell.on_time_ratio)),
    ("lost", Topic::Outcome, |cell| share(cell.loss_ratio)),
    ("unfinished", Topic::Outcome, |cell| {
        let messages = cell.messages.as_ref()?;
        share(Ratio::of(messages.unfinished, messages.known()))
    }),
    ("unknown", Topic::Outcome, |cell| {
        let messages = cell.messages.as_ref()?;
        share(Ratio::of(messages.unknown, messages.scheduled))
    }),
    ("delayed", Topic::Order, |cell| share(cell.delayed.as_ref()?.ratio)),
    ("blocked", Topic::Order, |cell| share(cell.hol.as_ref()?.blocked_ratio)),
    ("p50", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.p50)),
    ("p90", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.p90)),
    ("p99", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.p99)),
    ("max", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.max)),
    ("idle p50", Topic::Latency, |cell| time(cell.load.as_ref()?.idle_latency_ns.as_ref()?.summary.p50)),
    ("idle p99", Topic::Latency, |cell| time(cell.load.as_ref()?.idle_latency_ns.as_ref()?.summary.p99)),
    ("queue up p50", Topic::Latency, |cell| queued(cell, Direction::ToServer)),
    ("queue down p50", Topic::Latency, |cell| queued(cell, Direction::ToClient)),
    ("set-up", Topic::Duration, set_up),
];

/// What the background of a row got, for lists: each row on its own has a table of its senders.
pub(super) const BACKGROUND: [Spec; 2] = [
    ("background up", Topic::Duration, |cell| background(cell, TransferDirection::Up)),
    ("background down", Topic::Duration, |cell| background(cell, TransferDirection::Down)),
];

const TRANSFER: [Spec; 4] = [
    ("completed", Topic::Duration, |cell| {
        let transfer = transfer(cell)?;
        let all = transfer.completed.saturating_add(transfer.failed);
        share(Ratio::of(transfer.completed, all))
    }),
    ("arrived", Topic::Duration, |cell| share(transfer(cell)?.arrived_ratio)),
    ("time", Topic::Duration, |cell| time(transfer(cell)?.time_ns.p50)),
    ("goodput", Topic::Duration, |cell| transfer(cell)?.goodput_bps.p50.map(Figure::Throughput)),
];

const SHARE: [Spec; 5] = [
    ("fairness", Topic::Duration, |cell| Some(Figure::Mean(cell.share.as_ref()?.jain_index?.get(), 3))),
    ("utilisation", Topic::Duration, |cell| share(cell.share.as_ref()?.utilisation_ratio)),
    ("queue p50", Topic::Latency, |cell| time(bottleneck(cell)?.delay_ns.p50)),
    ("queue p95", Topic::Latency, |cell| time(cell.share.as_ref()?.queue_p95_ns)),
    ("queue p99", Topic::Latency, |cell| time(bottleneck(cell)?.delay_ns.p99)),
];

const HANDSHAKE: [Spec; 3] = [
    ("first reply", Topic::Duration, |cell| time(handshake(cell)?.first_reply_ns?.p50)),
    ("second reply", Topic::Duration, |cell| time(handshake(cell)?.second_reply_ns?.p50)),
    ("round trips", Topic::Duration, |cell| Some(Figure::Mean(handshake(cell)?.round_trips?.get(), 2))),
];

const COST: [Spec; 12] = [
    ("resent", Topic::Cost, |cell| {
        let is_shown = cell.transfer.is_some() || cell.page.is_some();
        cell.recovery.as_ref().filter(|_| is_shown)?.retransmitted_packets.map(Figure::Count)
    }),
    ("packets/message", Topic::Cost, |cell| {
        let (packets, _) = crossed(cell.wire.as_ref()?);
        per_message(packets, cell.messages.as_ref()?, 2)
    }),
    ("bytes/message", Topic::Cost, |cell| {
        let (_, bytes) = crossed(cell.wire.as_ref()?);
        per_message(bytes, cell.messages.as_ref()?, 0)
    }),
    ("client bytes/connection", Topic::Cost, |cell| {
        Some(Figure::Count(cell.memory?.client_bytes_per_connection))
    }),
    ("server bytes/connection", Topic::Cost, |cell| {
        Some(Figure::Count(cell.memory?.server_bytes_per_connection))
    }),
    ("client CPU/message", Topic::Cost, |cell| time(cell.cpu?.client_ns_per_message)),
    ("server CPU/message", Topic::Cost, |cell| time(cell.cpu?.server_ns_per_message)),
    ("client calls/message", Topic::Cost, |cell| {
        Some(Figure::Mean(cell.cpu?.client_socket_calls_per_message?.get(), 2))
    }),
    ("server calls/message", Topic::Cost, |cell| {
        Some(Figure::Mean(cell.cpu?.server_socket_calls_per_message?.get(), 2))
    }),
    ("overhead", Topic::Cost, |cell| {
        // Where messages are counted, bytes per message say the same.
        let wire = cell.wire.as_ref().filter(|_| cell.messages.is_none())?;
        share(wire.overhead_ratio)
    }),
    ("packets up/down", Topic::Cost, |cell| {
        let handshake = handshake(cell)?;
        let (up, down) = (handshake.packets_to_server?, handshake.packets_to_client?);
        Some(Figure::UpDown([up.get(), down.get()], 1))
    }),
    ("bytes up/down", Topic::Cost, |cell| {
        let handshake = handshake(cell)?;
        let (up, down) = (handshake.bytes_to_server?, handshake.bytes_to_client?);
        Some(Figure::UpDown([up as f64, down as f64], 0))
    }),
];

/// What is known of a network that is not emulated: means, where there is a distribution.
const NETWORK: [Spec; 9] = [
    ("lost up", Topic::Network, |cell| share(network(cell)?.to_server.as_ref()?.loss_ratio)),
    ("lost down", Topic::Network, |cell| share(network(cell)?.to_client.as_ref()?.loss_ratio)),
    ("lost up or down", Topic::Network, |cell| {
        let unattributed = network(cell)?.to_server.as_ref().and(network(cell))?.unattributed;
        share(Ratio::of(unattributed, cell.messages.as_ref()?.known()))
    }),
    ("reordered up", Topic::Network, |cell| reordered(network(cell)?.to_server.as_ref()?)),
    ("reordered down", Topic::Network, |cell| reordered(network(cell)?.to_client.as_ref()?)),
    ("IPDV", Topic::Network, |cell| time(network(cell)?.ipdv_ns.mean)),
    ("IPDV up", Topic::Network, |cell| time(network(cell)?.to_server.as_ref()?.ipdv_ns.mean)),
    ("IPDV down", Topic::Network, |cell| time(network(cell)?.to_client.as_ref()?.ipdv_ns.mean)),
    ("server time", Topic::Network, |cell| time(network(cell)?.hold_ns?.mean)),
];

/// What the queue of each direction did, if the bottleneck has a rate.
const QUEUE: [Spec; 8] = [
    ("p50 up", Topic::Queue, |cell| time(cell.queue?.to_server?.delay_ns.p50)),
    ("p99 up", Topic::Queue, |cell| time(cell.queue?.to_server?.delay_ns.p99)),
    ("dropped up", Topic::Queue, |cell| Some(Figure::Count(cell.queue?.to_server?.dropped))),
    ("marked up", Topic::Queue, |cell| Some(Figure::Count(cell.queue?.to_server?.marked))),
    ("p50 down", Topic::Queue, |cell| time(cell.queue?.to_client?.delay_ns.p50)),
    ("p99 down", Topic::Queue, |cell| time(cell.queue?.to_client?.delay_ns.p99)),
    ("dropped down", Topic::Queue, |cell| Some(Figure::Count(cell.queue?.to_client?.dropped))),
    ("marked down", Topic::Queue, |cell| Some(Figure::Count(cell.queue?.to_client?.marked))),
];

/// What a change of the client's address cost: medians of the times, and sums over seeds.
const MIGRATION: [Spec; 7] = [
    ("gap", Topic::Migration, |cell| time(cell.migration.as_ref()?.gap_ns.p50)),
    ("lost in it", Topic::Migration, |cell| per_change(cell, |moved| moved.lost, 1)),
    ("bytes again", Topic::Migration, |cell| per_change(cell, |moved| moved.resent_bytes, 0)),
    ("full speed after", Topic::Migration, |cell| time(cell.migration.as_ref()?.full_speed_ns.p50)),
    ("in round trips", Topic::Migration, |cell| {
        Some(Figure::Mean(cell.migration.as_ref()?.round_trips?.get(), 1))
    }),
    ("new connections", Topic::Migration, |cell| per_change(cell, |moved| moved.connections, 2)),
    ("unvalidated", Topic::Migration, |cell| {
        Some(Figure::Mean(cell.migration.as_ref()?.unvalidated_ratio?.get(), 2))
    }),
];

const REPLIES: [Spec; 6] = [
    ("p90", Topic::Replies, |cell| time(handshake(cell)?.first_reply_ns?.p90)),
    ("p99", Topic::Replies, |cell| time(handshake(cell)?.first_reply_ns?.p99)),
    ("max", Topic::Replies, |cell| time(handshake(cell)?.first_reply_ns?.max)),
    ("1 s or more", Topic::Replies, |cell| share(handshake(cell)?.over_1s_ratio)),
    ("failed", Topic::Replies, |cell| {
        let handshake = handshake(cell)?;
        share(Ratio::of(handshake.failed?, handshake.connections?))
    }),
    ("connections/s", Topic::Replies, |cell| {
        Some(Figure::Mean(handshake(cell)?.connections_per_second?.get(), 0))
    }),
];

/// Shown by `hol` only.
const BLOCKING: [Spec; 16] = [
    ("other flow", Topic::Blocking, |cell| share(blocked(cell)?.by_other_flow_ratio)),
    ("loss", Topic::Blocking, |cell| cause(cell, |by| by.loss)),
    ("reordering", Topic::Blocking, |cell| cause(cell, |by| by.reorder)),
    ("sender", Topic::Blocking, |cell| cause(cell, |by| by.sender)),
    ("mean wait", Topic::Blocking, |cell| time(blocked(cell)?.wait_ns.mean)),
    ("longest stall", Topic::Blocking, |cell| {
        let stall = blocked(cell)?.longest_stall?;
        Some(Figure::Stall { ns: stall.duration_ns, messages: stall.messages })
    }),
    ("send wait", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.send_wait)),
    ("path", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.path)),
    ("of it queue", Topic::Budget, |cell| time(cell.queue.as_ref().and(cell.budget_ns.as_ref())?.queue)),
    ("recovery", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.recovery)),
    ("order wait", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.order_wait)),
    ("host", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.host)),
    ("delayed", Topic::Theory, |cell| share(theory(cell)?.delayed_ratio)),
    ("blocked", Topic::Theory, |cell| share(theory(cell)?.blocked_ratio)),
    ("delay", Topic::Theory, |cell| time(theory(cell)?.extra_mean_ns)),
    ("measured delay", Topic::Theory, |cell| {
        theory(cell)?;
        time(cell.delayed.as_ref()?.extra_mean_ns)
    }),
];

/// Shown by `hol` and `transfer` only.
const TRUTH: [Spec; 6] = [
    ("losses found", Topic::Truth, |cell| Some(Figure::Count(truth(cell)?.detection_ns.n))),
    ("found after", Topic::Truth, |cell| time(truth(cell)?.detection_ns.mean)),
    ("never found", Topic::Truth, |cell| Some(Figure::Count(truth(cell)?.undeclared_losses))),
    ("false losses", Topic::Truth, |cell| Some(Figure::Count(truth(cell)?.false_losses))),
    ("sent again", Topic::Truth, |cell| Some(Figure::Count(truth(cell)?.resent_packets))),
    ("needless", Topic::Truth, |cell| Some(Figure::Count(truth(cell)?.needless_packets))),
];

/// How losses were detected. The kernel's TCP reports only how often it retransmitted for each reason, so its rows have
/// counts.
const DETECTION: [Spec; 8] = [
    ("packet threshold", Topic::Detection, |cell| found(cell, |by| by.packet_threshold)),
    ("time threshold", Topic::Detection, |cell| found(cell, |by| by.time_threshold)),
    ("duplicate ACKs", Topic::Detection, |cell| found(cell, |by| by.duplicate_acks)),
    ("fast retransmits", Topic::Detection, |cell| kernel(cell, |kernel| kernel.fast_retransmits)),
    ("timeout", Topic::Detection, |cell| {
        found(cell, |by| by.timeout).or_else(|| kernel(cell, |kernel| kernel.timeouts))
    }),
    ("probe", Topic::Detection, |cell| {
        found(cell, |by| by.probe).or_else(|| kernel(cell, |kernel| kernel.loss_probes))
    }),
    ("repeated flight", Topic::Detection, |cell| found(cell, |by| by.repeated_flight)),
    ("DSACKs", Topic::Detection, |cell| kernel(cell, |kernel| kernel.dsacks)),
];

/// The losses that were detected in one way; `None` if there were none.
fn found(cell: &Cell, of: fn(&LossCauses) -> FoundLosses) -> Option<Figure> {
    let FoundLosses { losses, false_losses, detection_mean_ns: ns } = of(truth(cell)?.by_cause.as_ref()?);
    (losses > 0 || false_losses > 0).then_some(Figure::Found { losses, false_losses, ns })
}

/// A counter of the kernel's TCP, if it retransmitted anything.
fn kernel(cell: &Cell, of: fn(&KernelRecovery) -> Option<u64>) -> Option<Figure> {
    truth(cell)?;
    of(cell.recovery.as_ref()?.kernel.as_ref()?).map(Figure::Count)
}

/// Losses on the link and declared losses, if there was any loss or retransmission.
fn truth(cell: &Cell) -> Option<&Truth> {
    let truth = cell.recovery.as_ref()?.truth.as_ref()?;
    let Truth { resent_packets, false_losses, undeclared_losses, detection_ns, .. } = truth;
    [*resent_packets, *false_losses, *undeclared_losses, detection_ns.n]
        .iter()
        .any(|count| *count > 0)
        .then_some(truth)
}

/// The median delay of a queue that messages share with a background.
fn queued(cell: &Cell, way: Direction) -> Option<Figure> {
    cell.load.as_ref()?;
    time(cell.queue.as_ref()?[way].as_ref()?.delay_ns.p50)
}

fn background(cell: &Cell, direction: TransferDirection) -> Option<Figure> {
    let own = cell.load.as_ref()?.background.iter().filter(|sender| sender.direction == direction);
    let rates: Option<Vec<u64>> = own.map(|sender| sender.goodput_bps).collect();
    rates.filter(|rates| !rates.is_empty()).map(|rates| Figure::Throughput(rates.iter().sum()))
}

/// The queue that senders share.
fn bottleneck(cell: &Cell) -> Option<&QueueDirection> {
    let direction: Direction = cell.share.as_ref()?.direction.into();
    cell.queue.as_ref()?[direction].as_ref()
}

fn time(ns: Option<u64>) -> Option<Figure> {
    ns.map(Figure::Time)
}

fn share(ratio: Option<Ratio>) -> Option<Figure> {
    ratio.map(Figure::Share)
}

fn transfer(cell: &Cell) -> Option<&Transfer> {
    cell.transfer.as_ref()
}

fn handshake(cell: &Cell) -> Option<&Handshake> {
    cell.handshake.as_ref()
}

fn theory(cell: &Cell) -> Option<&Theory> {
    cell.theory.as_ref()
}

/// What the network did, where it is not emulated.
fn network(cell: &Cell) -> Option<&Network> {
    cell.server.as_ref().and(cell.network.as_ref())
}

fn reordered(direction: &NetworkDirection) -> Option<Figure> {
    share(direction.reordered_ratio)
}

/// What is known of blocked messages, if there are any.
fn blocked(cell: &Cell) -> Option<&Hol> {
    cell.hol.as_ref().filter(|hol| hol.blocked > 0)
}

fn cause(cell: &Cell, count: fn(&ByCause) -> u64) -> Option<Figure> {
    let hol = blocked(cell)?;
    share(Ratio::of(count(&hol.by_cause), hol.blocked))
}

fn delivered(cell: &Cell) -> Option<Figure> {
    let messages = cell.messages.as_ref()?;
    share(Ratio::of(messages.delivered, messages.known()))
}

fn set_up(cell: &Cell) -> Option<Figure> {
    let connect = cell.connect_ns.or_else(|| handshake(cell)?.connect_ns);
    time(connect?.p50)
}

/// Packets and bytes of both directions.
fn crossed(wire: &Wire) -> (u128, u128) {
    let directions = [wire.to_server, wire.to_client];
    directions.iter().flatten().fold((0, 0), |(packets, bytes), direction| {
        (packets + u128::from(direction.packets), bytes + u128::from(direction.bytes))
    })
}

fn per_message(amount: u128, messages: &Messages, decimals: usize) -> Option<Figure> {
    (messages.sent > 0).then(|| Figure::Mean(amount as f64 / messages.sent as f64, decimals))
}
