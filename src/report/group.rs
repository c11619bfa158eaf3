//! Groups of rows that can be compared, because they share path, link and workload.

use std::collections::BTreeMap;

use super::{
    change::change,
    model::{Cell, ResultFile},
    numbers, words,
};

/// Cells that share path, link and workload.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) cells: Vec<&'a Cell>,
    /// The index of each cell in the result.
    indices: Vec<usize>,
    /// A name for each cell.
    pub(crate) labels: Vec<String>,
}

/// The groups of a result, in the order in which they first appear.
pub(crate) fn groups(file: &ResultFile) -> Vec<Group<'_>> {
    let mut gathered: Vec<Vec<(usize, &Cell)>> = Vec::new();
    // A map, because a result may have thousands of groups.
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (index, cell) in file.cells.iter().enumerate() {
        let place = *places.entry(key(cell)).or_insert(gathered.len());
        match gathered.get_mut(place) {
            Some(group) => group.push((index, cell)),
            None => gathered.push(vec![(index, cell)]),
        }
    }
    let is_combined = file.cells.iter().any(|cell| cell.origin > 0);
    gathered.into_iter().map(|cells| Group::of(cells, is_combined)).collect()
}

/// Consecutive groups with the same path and the same server: the points of a list.
pub(crate) fn lists(groups: Vec<Group<'_>>) -> Vec<Vec<Group<'_>>> {
    let mut lists: Vec<Vec<Group<'_>>> = Vec::new();
    for group in groups {
        let alike = |list: &&mut Vec<Group<'_>>| {
            let (a, b) = (list[0].cells[0], group.cells[0]);
            a.path == b.path && a.server == b.server
        };
        match lists.last_mut().filter(alike) {
            Some(list) => list.push(group),
            None => lists.push(vec![group]),
        }
    }
    lists
}

/// What the cells of a group share, as text that can be ordered.
fn key(cell: &Cell) -> String {
    serde_json::to_string(&(&cell.path, &cell.link, &cell.workload)).unwrap_or_default()
}

impl<'a> Group<'a> {
    fn of(cells: Vec<(usize, &'a Cell)>, is_combined: bool) -> Self {
        let (indices, cells): (Vec<usize>, Vec<&Cell>) = cells.into_iter().unzip();
        let controllers = controllers(&cells);
        let label = |cell: &&Cell| label(cell, &cells, controllers.len() > 1) + &thresholds(cell, &cells);
        let mut labels: Vec<String> = cells.iter().map(label).collect();
        tell_apart(&mut labels, &cells, is_combined);
        Self { cells, indices, labels }
    }

    /// The cells with their labels.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'a Cell, &String)> + Clone {
        self.cells.iter().copied().zip(&self.labels)
    }

    /// The row of the cell at `index` of the result, if it is in this group.
    pub(crate) fn row_of(&self, index: usize) -> Option<usize> {
        self.indices.iter().position(|&own| own == index)
    }

    /// The congestion controller, if all rows that have one have the same.
    pub(crate) fn controller(&self) -> Option<String> {
        match &controllers(&self.cells)[..] {
            [controller] => Some(controller.clone()),
            _ => None,
        }
    }

    /// Path, servers and link.
    pub(crate) fn heading(&self) -> String {
        let first = self.cells[0];
        let path = words::plain(&first.path);
        let link = match &first.link {
            None if self.is_on_loopback() => "this machine's loopback, nothing emulated".to_owned(),
            link => words::link(link.as_ref(), first.judges_messages()),
        };
        format!("{path}: {}{link}", self.servers())
    }

    /// The workload, the seeds and the congestion controller; the background; and the change of the client's address.
    pub(crate) fn description(&self) -> String {
        let mut parts = vec![words::workload(&self.cells[0].workload)];
        parts.extend(words::connections(&self.cells));
        parts.extend(words::loads(&self.cells));
        parts.extend(words::transfers(&self.cells));
        let seeds = self.cells.iter().map(|cell| cell.seeds);
        if let (Some(fewest), Some(most)) = (seeds.clone().min(), seeds.max()) {
            let most_seeds = numbers::plural(most, "seed");
            parts.push(if fewest == most { most_seeds } else { format!("{fewest} to {most_seeds}") });
        }
        parts.extend(self.controller().map(|controller| match &*controller {
            "fixed" => "a fixed congestion window".to_owned(),
            controller => format!("congestion control {controller}"),
        }));
        parts.retain(|part| !part.is_empty());
        let mut clauses = vec![parts.join(", ")];
        clauses.extend(self.cells.iter().find_map(|cell| cell.load.as_ref().map(words::background)));
        clauses.extend(self.cells.iter().find_map(|cell| change(cell)));
        clauses.join("; ")
    }

    /// Whether all servers are on this machine: those without a URL, and those with an address of loopback.
    fn is_on_loopback(&self) -> bool {
        let is_loopback = |server: &str| {
            let host = server.split_once("://").map_or(server, |(_, host)| host);
            ["127.", "[::1]", "localhost:"].iter().any(|local| host.starts_with(local))
        };
        // If the URL has a host name, the address that it stood for.
        let measured = |cell: &Cell| cell.server_address.as_ref().or(cell.server.as_ref()).cloned();
        self.cells.iter().all(|cell| measured(cell).is_none_or(|server| is_loopback(&server)))
    }

    /// The URLs of remote servers, each once, with the address of a name.
    fn servers(&self) -> String {
        let mut servers: Vec<String> = Vec::new();
        for cell in &self.cells {
            let Some(url) = &cell.server else { continue };
            let of_name = cell.server_address.as_ref().filter(|address| !url.contains(*address));
            let server = of_name.map_or_else(|| url.clone(), |address| format!("{url} at {address}"));
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        if servers.is_empty() { String::new() } else { words::plain(&servers.join(", ")) + "; " }
    }
}

/// The transport, and whatever distinguishes the row from others of its group.
fn label(cell: &Cell, group: &[&Cell], controllers_differ: bool) -> String {
    let mut label = words::plain(&cell.transport);
    if let Some(handshake) = &cell.handshake {
        label = format!("{label} {}", handshake.mode);
    }
    if let Some(page) = &cell.page {
        label = format!("{label}{}", words::page_row(page));
    }
    if let Some(memory) = &cell.memory {
        label = format!("{label} {}", numbers::plural(memory.connections, "connection"));
    }
    let other_server = |other: &&Cell| other.transport == cell.transport && other.server != cell.server;
    if let (Some(server), Some(_)) = (&cell.server, group.iter().copied().find(other_server)) {
        label = format!("{label} {}", words::plain(server));
    }
    if let (Some(congestion), true) = (&cell.congestion, controllers_differ) {
        label = format!("{label} {}", words::plain(congestion));
    }
    label
}

/// The thresholds of loss detection in which the row differs from others of its group.
fn thresholds(cell: &Cell, group: &[&Cell]) -> String {
    let Some(own) = cell.loss_detection else { return String::new() };
    let others = || group.iter().filter_map(|other| other.loss_detection);
    let mut label = String::new();
    if others().any(|other| other.packet_threshold != own.packet_threshold) {
        label += &format!(" threshold {}", own.packet_threshold);
    }
    if others().any(|other| other.time_threshold != own.time_threshold) {
        label += &format!(" {} RTT", own.time_threshold.get());
    }
    label
}

/// Makes the labels differ. Each gets the letter of its result if the cells come from several results, and another
/// letter if it still repeats.
fn tell_apart(labels: &mut [String], cells: &[&Cell], is_combined: bool) {
    if is_combined {
        labels.iter_mut().zip(cells).for_each(|(label, cell)| *label += &format!(" {}", letter(cell.origin)));
    }
    distinct(labels);
}

/// Adds a letter to each label that repeats.
pub(super) fn distinct(labels: &mut [String]) {
    let plain = labels.to_vec();
    for (index, label) in labels.iter_mut().enumerate() {
        let same = |other: &&String| **other == plain[index];
        if plain.iter().filter(same).count() > 1 {
            *label += &format!(" {}", letter(plain[..index].iter().filter(same).count()));
        }
    }
}

/// A letter by its place; a number after the last letter.
pub(crate) fn letter(place: usize) -> String {
    match place {
        0..26 => char::from(b'A' + place as u8).to_string(),
        _ => (place + 1).to_string(),
    }
}

/// The congestion controllers of a group, each once.
fn controllers(cells: &[&Cell]) -> Vec<String> {
    let mut names: Vec<String> =
        cells.iter().filter_map(|cell| cell.congestion.as_deref().map(words::plain)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
