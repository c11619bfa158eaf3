//! The charts of a page, and the chart that each cell of a table links to.

use std::collections::BTreeMap;

use crate::report::{
    block::{Block, Topic},
    chart::{self, Chart, Keys},
};

/// A chart with its identifier.
pub(super) struct Figure {
    pub(super) id: String,
    pub(super) chart: Chart,
}

/// The charts of a section, for each of its blocks.
pub(super) type Section = Vec<Vec<Figure>>;

/// The charts of a page by section. Identifiers of charts with the same name in one section get a number.
pub(super) fn figures(sections: &[&[Block<'_>]], keys: &Keys) -> Vec<Section> {
    let of_section = |(section, blocks): (usize, &&[Block<'_>])| {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut figure = |chart: Chart| {
            let n = seen.entry(chart.name).and_modify(|n| *n += 1).or_insert(1);
            let number = if *n == 1 { String::new() } else { format!("-{n}") };
            Figure { id: format!("g{section}-{}{number}", chart.name), chart }
        };
        blocks.iter().map(|block| charts(block, keys).into_iter().map(&mut figure).collect()).collect()
    };
    sections.iter().enumerate().map(of_section).collect()
}

fn charts(block: &Block<'_>, keys: &Keys) -> Vec<Chart> {
    match block {
        Block::Charts(group) => chart::of_group(group, keys),
        Block::Ladders(episodes) | Block::Ladder(episodes) => chart::of_episodes(episodes),
        Block::Curves(file) => chart::of_matrix(file, keys),
        _ => Vec::new(),
    }
}

/// The names of the charts that show a topic, the best first.
const fn charts_of(topic: Topic) -> &'static [&'static str] {
    match topic {
        Topic::Outcome => &["latency", "handshake", "progress", "goodput"],
        Topic::Order | Topic::Blocking | Topic::Theory => &["blocking", "time", "latency"],
        Topic::Latency => &["latency", "waterfall"],
        Topic::Duration => &["handshake", "goodput", "latency"],
        Topic::Replies => &["handshake"],
        Topic::Loading => &["waterfall"],
        Topic::Budget => &["budget"],
        Topic::Cost => &["progress", "time"],
        Topic::Difference => &["latency", "handshake", "goodput"],
        Topic::Network | Topic::Queue | Topic::Truth | Topic::Detection | Topic::Migration => &[],
    }
}

/// The chart that shows the figures of a topic and a row.
pub(super) fn of_topic<'a>(section: &'a Section, topic: Topic, row: &str) -> Option<&'a str> {
    let find = |name: &&str| {
        let shows = |figure: &&Figure| {
            figure.chart.name == *name && figure.chart.row.as_deref().is_none_or(|own| own == row)
        };
        section.iter().flatten().find(shows)
    };
    charts_of(topic).iter().find_map(find).map(|figure| figure.id.as_str())
}

/// The chart that shows only this row.
pub(super) fn of_row<'a>(section: &'a Section, row: &str) -> Option<&'a str> {
    let shows = |figure: &&Figure| figure.chart.row.as_deref() == Some(row);
    section.iter().flatten().find(shows).map(|figure| figure.id.as_str())
}
