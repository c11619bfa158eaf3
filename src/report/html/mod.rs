//! Draws a page as one HTML file that needs nothing else: no request, and no script to be read.

mod block;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::block::Place;
use super::{
    block::Block,
    chart::{Keys, style},
    model::ResultFile,
    page::page,
};

/// The result as an HTML file.
pub fn to_html(file: &ResultFile) -> String {
    let keys = Keys::of(file);
    let has_messages = file.cells.iter().any(|cell| cell.messages.is_some());
    let title = format!("wirelab {}", file.command);
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
                    p class="by" { "Measured by wirelab " (file.version) "." @if has_messages { " Latency runs from the instant at which a message was due." } }
                }
                main { (sections(&with_few_charts(page(file)), &keys)) }
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
