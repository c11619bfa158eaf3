//! Charts as SVG.
//!
//! A chart is a pure function of the result. Colours, dashes and fonts come from the style sheet, by class, so that a
//! page can be light or dark. Series also differ in marker and dash.

mod age;
mod axis;
mod bars;
mod blocking;
mod budget;
mod call;
mod ccdf;
mod curve;
mod handshake;
mod ladder;
mod legend;
mod progress;
mod scale;
mod series;
mod share;
pub(super) mod style;
mod timeline;
mod transfer;
mod waterfall;

use maud::{Markup, html};

pub(super) use self::series::Keys;
use super::{
    group::Group,
    model::{ResultFile, episode::Episode},
};

/// A chart.
pub(super) struct Chart {
    /// What it shows, as part of an identifier: `latency`.
    pub(super) name: &'static str,
    pub(super) title: String,
    /// The label of the row, if it shows only one.
    pub(super) row: Option<String>,
    /// What happens in it, shown below it. The caption tells how to read all charts of the kind.
    pub(super) sentences: Vec<String>,
    /// How to read it, shown below the sentences.
    pub(super) caption: &'static str,
    /// Its figures as text, for readers who cannot see it.
    pub(super) summary: String,
    pub(super) height: f64,
    pub(super) body: Markup,
}

/// Width of every chart. Heights differ.
pub(super) const WIDTH: f64 = 760.0;

/// The charts of a group's rows.
pub(super) fn of_group(group: &Group<'_>, keys: &Keys) -> Vec<Chart> {
    if group.cells.iter().any(|cell| !cell.judges_messages()) {
        let units = [call::chart(group), age::chart(group)];
        return units.into_iter().flatten().chain(waterfall::charts(group)).collect();
    }
    let first = [
        blocking::chart(group),
        ccdf::chart(group, keys),
        budget::chart(group),
        handshake::chart(group),
        transfer::chart(group),
        progress::chart(group, keys),
    ];
    first.into_iter().flatten().chain(share::charts(group)).chain(timeline::charts(group)).collect()
}

/// The ladders of episodes.
pub(super) fn of_episodes(episodes: &[Episode]) -> Vec<Chart> {
    ladder::charts(episodes)
}

/// The charts over options that have a list of values.
pub(super) fn of_matrix(file: &ResultFile, keys: &Keys) -> Vec<Chart> {
    curve::charts(file, keys)
}

impl Chart {
    /// The chart as an element; `id` is unique on the page.
    pub(super) fn element(&self, id: &str) -> Markup {
        self.svg(id, None)
    }

    /// The chart as a document of its own.
    pub(super) fn document(&self) -> String {
        self.svg(self.name, Some(&style::for_document())).into_string() + "\n"
    }

    fn svg(&self, id: &str, style: Option<&str>) -> Markup {
        let view = format!("0 0 {WIDTH} {}", axis::Px(self.height));
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(view) class="chart" role="img"
                aria-labelledby={ (id) "-t " (id) "-d" } data-chart=(self.name) {
                title id={ (id) "-t" } { (self.title) }
                desc id={ (id) "-d" } { (self.caption) " " (self.summary) }
                @if let Some(style) = style {
                    style { (maud::PreEscaped(style)) }
                    rect class="paper" width="100%" height="100%" {}
                }
                (self.body)
            }
        }
    }
}
