//! Results and how they are shown.
//!
//! [`model`] is the result file, schema `wirelab/1`, which `docs/result.schema.json` describes.
//! Every renderer is a pure function from it to text, so a saved file shows exactly what its run showed.
//! `page` turns a result into blocks. Text, Markdown and HTML draw these blocks; HTML adds the charts of `chart`.
//! CSV and JSON hold the figures for programs.

mod axis;
mod block;
mod calls;
mod change;
mod chart;
mod closing;
mod columns;
mod csv;
mod explain;
mod figure;
mod flags;
mod games;
mod gaps;
mod gone;
mod group;
mod html;
mod json;
mod ladder;
mod loads;
mod losses;
mod markdown;
mod migrations;
pub mod model;
mod numbers;
mod overlay;
mod page;
mod pages;
mod places;
mod plot;
mod properties;
mod savings;
mod shares;
mod spread;
mod summary;
mod svg;
mod tables;
mod tampering;
mod teach;
mod terminal;
mod terms;
mod text;
mod transfers;
mod transports;
mod words;

pub use csv::to_csv;
pub use explain::{OrderedUnits, explain_hol};
pub use html::to_html;
pub use json::{LoadError, MAX_BYTES, Saved, from_json, load, to_json};
pub use ladder::to_ladders;
pub use markdown::to_markdown;
pub use model::*;
pub use overlay::overlay;
pub use properties::explain_properties;
pub use svg::{Svg, to_svgs};
pub use terminal::{TextOptions, wrapped};
pub use text::{properties_to_text, to_text};
pub use transports::transport_in_words;
pub(crate) use {
    block::Block,
    figure::Figure,
    html::{blocks_to_html, blocks_to_html_part, style_of_parts, to_html_part},
    markdown::blocks_to_markdown,
    numbers::{count, setting},
    tables::{chosen_columns, figure_of, labelled_cells},
    text::blocks_to_text,
};

/// Draws blocks as a document.
pub(crate) type Render = fn(&[Block<'_>]) -> String;

/// A format that a result can be written in.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// The ending of its files.
    pub ending: &'static str,
    /// Renders a result.
    pub render: fn(&ResultFile) -> String,
    /// Whether it draws charts, which need the `pictures` of a result.
    pub has_pictures: bool,
    /// Renders the table of `properties`.
    pub properties: fn(&PropertyTable) -> String,
    /// Renders documents that are not results.
    pub(crate) blocks: Option<Render>,
}

/// All formats. A new one is its file and a line here.
pub static FORMATS: &[Format] = &[
    Format {
        ending: "json",
        render: to_json,
        has_pictures: false,
        properties: json::properties_to_json,
        blocks: None,
    },
    Format {
        ending: "csv",
        render: to_csv,
        has_pictures: false,
        properties: properties::properties_to_csv,
        blocks: None,
    },
    Format {
        ending: "md",
        render: to_markdown,
        has_pictures: false,
        properties: markdown::properties_to_markdown,
        blocks: Some(blocks_to_markdown),
    },
    Format {
        ending: "html",
        render: to_html,
        has_pictures: true,
        properties: html::properties_to_html,
        blocks: Some(blocks_to_html),
    },
    Format {
        ending: "txt",
        render: |file| to_text(file, TextOptions::default()),
        has_pictures: false,
        properties: |table| properties_to_text(table, TextOptions::default()),
        blocks: None,
    },
];

impl Format {
    /// The format of files that end in `ending`.
    pub fn of_ending(ending: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.ending == ending)
    }

    /// All endings in words: `.json, .csv or .txt`.
    pub fn endings() -> String {
        Self::endings_where(|_| true)
    }

    /// The endings of some formats, in words.
    pub(crate) fn endings_where(is: impl Fn(&Self) -> bool) -> String {
        let chosen = FORMATS.iter().filter(|format| is(format));
        words::choice(&chosen.map(|format| format!(".{}", format.ending)).collect::<Vec<_>>())
    }
}
