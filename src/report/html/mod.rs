//! Draws a page as one HTML file. It makes no requests and can be read without scripts.

mod block;
mod table;
mod target;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::{block::Place, target::figures};
use super::{
    block::{Block, Term},
    chart::{Keys, style},
    model::{PropertyTable, ResultFile},
    page::page,
    properties::properties_page,
    transports::TRANSPORTS,
};

/// The result as an HTML file.
pub fn to_html(file: &ResultFile) -> String {
    // A call and a game are judged by what their users see.
    let has_messages =
        file.cells.iter().any(|cell| cell.messages.is_some() && cell.video.is_none() && cell.game.is_none());
    let by = html! {
        p class="by" { "Measured by wirelab " (file.version) "." @if has_messages {
            " Latency is a round trip: from the instant at which a message is due until its reply is released to the client."
        } }
        (legend(file))
    };
    let title = format!("wirelab {}", file.command);
    document(&title, &by, &with_few_charts(flat(page(file))), &Keys::of(file))
}

/// What the transports of the result are. A transport that this version does not know is left out.
fn legend(file: &ResultFile) -> Markup {
    let is_there = |term: &&Term| file.cells.iter().any(|cell| cell.transport == term.term);
    let terms: Vec<Term> = TRANSPORTS.iter().filter(is_there).copied().collect();
    html! { @if !terms.is_empty() { (block::definitions(&terms)) } }
}

/// The table of `properties` as an HTML file.
pub(super) fn properties_to_html(table: &PropertyTable) -> String {
    let by = html! { p class="by" { "Measured by wirelab " (table.version) "." } };
    // A table of properties has no charts.
    document("wirelab properties", &by, &properties_page(table), &Keys::of(&ResultFile::new("properties")))
}

/// Blocks of a document that is not a result, as an HTML file.
pub(crate) fn blocks_to_html(blocks: &[Block<'_>]) -> String {
    document("wirelab", &html! {}, blocks, &Keys::of(&ResultFile::new("")))
}

/// The result as a part of another page, without its run over time: that page draws it from the result.
pub(crate) fn to_html_part(file: &ResultFile) -> String {
    let mut file = file.clone();
    for pictures in file.cells.iter_mut().filter_map(|cell| cell.pictures.as_mut()) {
        (pictures.timeline, pictures.timeline_reason) = (None, None);
    }
    file.episodes.clear();
    let blocks = with_few_charts(flat(page(&file)));
    html! { (sections(&blocks, &Keys::of(&file))) (legend(&file)) }.into_string()
}

/// Blocks as a part of another page.
pub(crate) fn blocks_to_html_part(blocks: &[Block<'_>]) -> String {
    sections(blocks, &Keys::of(&ResultFile::new(""))).into_string()
}

/// The style sheet that such parts need: the colours of both schemes, and charts.
pub(crate) fn style_of_parts() -> String {
    style::for_page()
}

/// The points of lists as sections of their own.
fn flat(blocks: Vec<Block<'_>>) -> Vec<Block<'_>> {
    let flat = |block| match block {
        Block::Details(blocks) => blocks,
        other => vec![other],
    };
    blocks.into_iter().flat_map(flat).collect()
}

fn document(title: &str, by: &Markup, blocks: &[Block<'_>], keys: &Keys) -> String {
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
                    (by)
                }
                main { (sections(blocks, keys)) }
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    page.into_string() + "\n"
}

/// The most groups with charts; more would make the file too large.
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
    let parts: Vec<&[Block<'_>]> = blocks.chunk_by(|_, next| !matches!(next, Block::Heading(_))).collect();
    let sections = figures(&parts, keys);
    html! {
        @for (section, part) in parts.iter().enumerate() {
            section id={ "g" (section) } {
                @for (place, block) in part.iter().enumerate() {
                    (block::draw(block, &Place { section, place, sections: &sections }))
                }
            }
        }
    }
}
