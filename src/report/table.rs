//! The table that people read: which cells stand together, and what is shown of each.
//!
//! Text and Markdown differ in how they draw it and in nothing else.

use super::{
    handshake,
    model::{ByCause, Cell, Hol, Messages, Network, NetworkDirection, ResultFile, Theory, Wire},
    ratio::Ratio,
    words,
};

/// Cells that share path, link and workload, and so compare.
pub(crate) struct Group<'a> {
    pub(crate) cells: Vec<&'a Cell>,
    /// Where each of them is in the result.
    pub(crate) indices: Vec<usize>,
    /// The link in words.
    pub(crate) link: String,
    /// The workload, the seeds and the controller in words.
    pub(crate) workload: String,
    /// A name for each row.
    pub(crate) labels: Vec<String>,
    /// Those of which at least one row has a value.
    pub(crate) columns: Vec<Column>,
    /// Whether it is looked at for head-of-line blocking.
    pub(crate) of_hol: bool,
}

/// A column with a value, or none, for each row.
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) topic: Topic,
    pub(crate) values: Vec<Option<String>>,
}

/// What a column is about: columns of a topic stay together when a table has to be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// How many arrived. Stands beside the latency at any width.
    Outcome,
    /// How many waited.
    Order,
    /// When they arrived.
    Latency,
    /// What it cost, and what only some commands measure.
    Cost,
    /// What a network that is not ours did. A table of its own, as are all the next.
    Network,
    /// Who waited for whom.
    Blocking,
    /// Where the time went.
    Budget,
    /// What a closed form expects.
    Theory,
    /// How first replies are distributed over connections.
    Replies,
}

impl Topic {
    /// Whether its columns make a table of their own.
    pub(crate) const fn stands_alone(self) -> bool {
        !matches!(self, Self::Outcome | Self::Order | Self::Latency | Self::Cost)
    }
}

pub(super) type Value = fn(&Cell) -> Option<String>;

const COLUMNS: [(&str, Topic, Value); 18] = [
    ("delivered", Topic::Outcome, delivered),
    ("on time", Topic::Outcome, |cell| cell.on_time_ratio.map(words::share)),
    ("lost", Topic::Outcome, |cell| cell.loss_ratio.map(words::share)),
    ("delayed", Topic::Order, |cell| cell.delayed.as_ref()?.ratio.map(words::share)),
    ("blocked", Topic::Order, |cell| cell.hol.as_ref()?.blocked_ratio.map(words::share)),
    ("p50", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.p50)),
    ("p90", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.p90)),
    ("p99", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.p99)),
    ("max", Topic::Latency, |cell| time(cell.latency_ns.as_ref()?.summary.max)),
    ("set-up", Topic::Cost, set_up),
    ("completed", Topic::Cost, |cell| {
        let transfer = cell.transfer.as_ref()?;
        let all = transfer.completed.saturating_add(transfer.failed);
        Ratio::of(transfer.completed, all).map(words::share)
    }),
    ("arrived", Topic::Cost, |cell| cell.transfer.as_ref()?.arrived_ratio.map(words::share)),
    ("time", Topic::Cost, |cell| time(cell.transfer.as_ref()?.time_ns.p50)),
    ("goodput", Topic::Cost, |cell| cell.transfer.as_ref()?.goodput_bps.p50.map(words::throughput)),
    ("resent", Topic::Cost, |cell| {
        cell.transfer.as_ref()?;
        cell.recovery.as_ref()?.retransmitted_packets.map(words::count)
    }),
    ("packets/message", Topic::Cost, |cell| {
        let (packets, _) = crossed(cell.wire.as_ref()?);
        let each = per_message(packets, cell.messages.as_ref()?)?;
        Some(format!("{each:.2}"))
    }),
    ("bytes/message", Topic::Cost, |cell| {
        let (_, bytes) = crossed(cell.wire.as_ref()?);
        let each = per_message(bytes, cell.messages.as_ref()?)?;
        Some(words::count(libm::round(each) as u64))
    }),
    ("overhead", Topic::Cost, |cell| {
        // Where messages are counted, bytes a message say the same.
        let wire = cell.wire.as_ref().filter(|_| cell.messages.is_none())?;
        wire.overhead_ratio.map(words::share)
    }),
];

/// What is known of a network that is not ours: means, where a figure has a distribution.
const NETWORK_COLUMNS: [(&str, Topic, Value); 8] = [
    ("lost up", Topic::Network, |cell| network(cell)?.to_server.as_ref()?.loss_ratio.map(words::share)),
    ("lost down", Topic::Network, |cell| network(cell)?.to_client.as_ref()?.loss_ratio.map(words::share)),
    ("overtaken up", Topic::Network, |cell| overtaken(network(cell)?.to_server.as_ref()?)),
    ("overtaken down", Topic::Network, |cell| overtaken(network(cell)?.to_client.as_ref()?)),
    ("IPDV", Topic::Network, |cell| time(network(cell)?.ipdv_ns.mean)),
    ("IPDV up", Topic::Network, |cell| time(network(cell)?.to_server.as_ref()?.ipdv_ns.mean)),
    ("IPDV down", Topic::Network, |cell| time(network(cell)?.to_client.as_ref()?.ipdv_ns.mean)),
    ("held", Topic::Network, |cell| time(network(cell)?.hold_ns?.mean)),
];

/// What the network did, where it is not ours.
fn network(cell: &Cell) -> Option<&Network> {
    cell.server.as_ref().and(cell.network.as_ref())
}

fn overtaken(way: &NetworkDirection) -> Option<String> {
    way.reordered_ratio.map(words::share)
}

/// What `hol` shows in place of what messages cost.
const HOL_COLUMNS: [(&str, Topic, Value); 15] = [
    ("by other flow", Topic::Blocking, |cell| blocked(cell)?.by_other_flow_ratio.map(words::share)),
    ("for loss", Topic::Blocking, |cell| cause(cell, |by| by.loss)),
    ("for overtaking", Topic::Blocking, |cell| cause(cell, |by| by.reorder)),
    ("for sender", Topic::Blocking, |cell| cause(cell, |by| by.sender)),
    ("mean wait", Topic::Blocking, |cell| time(blocked(cell)?.wait_ns.mean)),
    ("longest stall", Topic::Blocking, longest_stall),
    ("send wait", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.send_wait)),
    ("path", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.path)),
    ("recovery", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.recovery)),
    ("order wait", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.order_wait)),
    ("host", Topic::Budget, |cell| time(cell.budget_ns.as_ref()?.host)),
    ("delayed: theory", Topic::Theory, |cell| theory(cell)?.delayed_ratio.map(words::share)),
    ("blocked: theory", Topic::Theory, |cell| theory(cell)?.blocked_ratio.map(words::share)),
    ("mean extra: seen", Topic::Theory, |cell| {
        theory(cell)?;
        time(cell.delayed.as_ref()?.extra_mean_ns)
    }),
    ("theory", Topic::Theory, |cell| time(theory(cell)?.extra_mean_ns)),
];

/// What is known of blocked messages, if there are any.
fn blocked(cell: &Cell) -> Option<&Hol> {
    cell.hol.as_ref().filter(|hol| hol.blocked > 0)
}

fn cause(cell: &Cell, of: fn(&ByCause) -> u64) -> Option<String> {
    let hol = blocked(cell)?;
    Ratio::of(of(&hol.by_cause), hol.blocked).map(words::share)
}

fn longest_stall(cell: &Cell) -> Option<String> {
    let stall = blocked(cell)?.longest_stall?;
    Some(format!("{} ({})", words::time(stall.duration_ns), words::count(stall.messages)))
}

fn theory(cell: &Cell) -> Option<&Theory> {
    cell.theory.as_ref()
}

pub(super) fn time(ns: Option<u64>) -> Option<String> {
    ns.map(words::time)
}

fn delivered(cell: &Cell) -> Option<String> {
    let messages = cell.messages.as_ref()?;
    Ratio::of(messages.delivered, messages.scheduled).map(words::share)
}

fn set_up(cell: &Cell) -> Option<String> {
    let handshake = cell.handshake.as_ref();
    let connect = cell.connect_ns.or_else(|| handshake.and_then(|handshake| handshake.connect_ns));
    time(connect?.p50)
}

/// (packets, bytes) of both directions.
fn crossed(wire: &Wire) -> (u128, u128) {
    let directions = [wire.to_server, wire.to_client];
    directions.iter().flatten().fold((0, 0), |(packets, bytes), direction| {
        (packets + u128::from(direction.packets), bytes + u128::from(direction.bytes))
    })
}

fn per_message(amount: u128, messages: &Messages) -> Option<f64> {
    (messages.sent > 0).then(|| amount as f64 / messages.sent as f64)
}

/// The groups of a result, in the order in which they first appear.
pub(crate) fn groups(file: &ResultFile) -> Vec<Group<'_>> {
    let mut gathered: Vec<Vec<(usize, &Cell)>> = Vec::new();
    for (index, cell) in file.cells.iter().enumerate() {
        let alike = |group: &&mut Vec<(usize, &Cell)>| {
            let first = group[0].1;
            (&first.path, &first.link, &first.workload) == (&cell.path, &cell.link, &cell.workload)
        };
        match gathered.iter_mut().find(alike) {
            Some(group) => group.push((index, cell)),
            None => gathered.push(vec![(index, cell)]),
        }
    }
    let of_hol = file.command == "hol";
    gathered.into_iter().map(|cells| group(cells, of_hol)).collect()
}

fn group(cells: Vec<(usize, &Cell)>, of_hol: bool) -> Group<'_> {
    let (indices, cells): (Vec<usize>, Vec<&Cell>) = cells.into_iter().unzip();
    let first = cells[0];
    let path = words::plain(&first.path);
    let labels = cells.iter().map(|cell| label(cell, &cells)).collect();
    let usual = COLUMNS.iter().filter(|(_, topic, _)| !(of_hol && *topic == Topic::Cost));
    let columns = usual
        .chain(&handshake::COLUMNS)
        .chain(&NETWORK_COLUMNS)
        .chain(HOL_COLUMNS.iter().filter(|_| of_hol))
        .map(|&(title, topic, value)| Column {
            title,
            topic,
            values: cells.iter().map(|cell| value(cell)).collect(),
        })
        .filter(|column| column.values.iter().any(Option::is_some))
        .collect();
    Group {
        link: format!("{path}: {}{}", servers(&cells), words::link(first.link.as_ref())),
        workload: workload(&cells),
        labels,
        columns,
        cells,
        indices,
        of_hol,
    }
}

impl Group<'_> {
    /// The row of the cell at `index` of the result, if it is of this group.
    pub(crate) fn row_of(&self, index: usize) -> Option<usize> {
        self.indices.iter().position(|&own| own == index)
    }
}

/// The servers of a group, each once, where they are elsewhere.
fn servers(cells: &[&Cell]) -> String {
    let mut servers: Vec<&str> = Vec::new();
    for server in cells.iter().filter_map(|cell| cell.server.as_deref()) {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    if servers.is_empty() { String::new() } else { words::plain(&servers.join(", ")) + "; " }
}

/// The transport, and what else tells the row from others of its group.
fn label(cell: &Cell, group: &[&Cell]) -> String {
    let mut label = words::plain(&cell.transport);
    if let Some(handshake) = &cell.handshake {
        label = format!("{label} {}", handshake.mode.name());
    }
    let elsewhere = |other: &&Cell| other.transport == cell.transport && other.server != cell.server;
    if let (Some(server), Some(_)) = (&cell.server, group.iter().copied().find(elsewhere)) {
        label = format!("{label} {}", words::plain(server));
    }
    if let (Some(congestion), true) = (&cell.congestion, controllers(group).len() > 1) {
        label = format!("{label} {}", words::plain(congestion));
    }
    label
}

/// The congestion controllers of a group, each once.
pub(crate) fn controllers(group: &[&Cell]) -> Vec<String> {
    let mut names: Vec<String> =
        group.iter().filter_map(|cell| cell.congestion.as_deref().map(words::plain)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn workload(cells: &[&Cell]) -> String {
    let mut parts = vec![words::workload(&cells[0].workload)];
    parts.extend(handshake::connections(cells));
    let seeds = cells.iter().map(|cell| cell.seeds);
    if let (Some(least), Some(most)) = (seeds.clone().min(), seeds.max()) {
        parts.push(if least == most {
            words::plural(most, "seed")
        } else {
            format!("{least} to {}", words::plural(most, "seed"))
        });
    }
    if let [controller] = &controllers(cells)[..] {
        parts.push(format!("congestion control {controller}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
