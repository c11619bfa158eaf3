//! Draws a page as one HTML file that needs nothing else: no request, and no script to be read.

mod block;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::block::Place;
use super::{
    block::Block,
    chart::{Keys, style},
    model::{PropertyTable, ResultFile},
    page::page,
    properties::properties_page,
};

/// The result as an HTML file.
pub fn to_html(file: &ResultFile) -> String {
    let has_messages = file.cells.iter().any(|cell| cell.messages.is_some());
    let note = if has_messages { " Latency runs from the instant at which a message was due." } else { "" };
    let main = sections(&with_few_charts(page(file)), &Keys::of(file));
    document((&file.command, &file.version), note, &main)
}

/// The table of `properties` as an HTML file.
pub fn properties_to_html(table: &PropertyTable) -> String {
    // It has no charts.
    let keys = Keys::of(&ResultFile::new("properties"));
    document(("properties", &table.version), "", &sections(&properties_page(table), &keys))
}

/// A file of `command`, which this version of wirelab has measured.
fn document((command, version): (&str, &str), note: &str, main: &Markup) -> String {
    let title = format!("wirelab {command}");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(style::for_page())) (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { (title) }
                    p class="by" { "Measured by wirelab " (version) "." (note) }
                }
                main { (main) }
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    page.into_string() + "\n"
}

/// Groups with charts. More would make a large file.
const CHARTED: usize = 40;

/// The page without the charts of later groups.
fn with_few_charts(mut blocks: Vec<Block<'_>>) -> Vec<Block<'_>> {
    let mut charted = 0;
    blocks.retain(|block| {
        charted += usize::from(matches!(block, Block::Charts(_)));
        !matches!(block, Block::Charts(_)) || charted <= CHARTED
    });
    if charted > CHARTED {
        let note = format!(
            "Charts are drawn for the first {CHARTED} of {charted} links and workloads; the tables have all."
        );
        blocks.insert(0, Block::Paragraph(note));
    }
    blocks
}

/// The blocks; each heading begins a section.
fn sections(blocks: &[Block<'_>], keys: &Keys) -> Markup {
    let parts = blocks.chunk_by(|_, next| !matches!(next, Block::Heading(_)));
    html! {
        @for (section, part) in parts.enumerate() {
            section id={ "g" (section) } {
                @for (place, block) in part.iter().enumerate() {
                    (block::draw(block, &Place { section, place }, keys))
                }
            }
        }
    }
}
