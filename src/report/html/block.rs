//! A block as HTML.

use maud::{Markup, html};

use super::{
    table,
    target::{Figure, Section},
};
use crate::report::{
    block::{Block, Flagged, Term},
    flags,
    group::Group,
    model::Cell,
    words,
};

/// Where a block stands.
pub(super) struct Place<'a> {
    pub(super) section: usize,
    pub(super) place: usize,
    /// The charts of all sections.
    pub(super) sections: &'a [Section],
}

/// Draws a block.
pub(super) fn draw(block: &Block<'_>, place: &Place<'_>) -> Markup {
    let own = || figures(&place.sections[place.section][place.place]);
    match block {
        Block::Warning(text) => html! { p class="warning" role="note" { (prose(text)) } },
        Block::Heading(text) => html! { h2 { (text) } },
        Block::Paragraph(text) => html! { p class=[(place.place == 1).then_some("lead")] { (prose(text)) } },
        Block::List(items) => html! { ul { @for item in items { li { (prose(item)) } } } },
        Block::Table(table) => table::draw(table, place.section, place.sections),
        Block::Grid(rows) => table::draw_words(rows),
        Block::Terms(terms) => definitions(terms),
        Block::Flags(flags) => {
            html! { ul class="flags" { @for flagged in flags { li { (flag(flagged)) } } } }
        }
        Block::Skipped(skipped) => html! {
            ul class="skipped" { @for skipped in skipped { li { (prose(&words::skipped(skipped))) } } }
        },
        Block::Charts(group) => html! { (own()) @for note in notes(group) { p { (note) } } },
        Block::Ladders(_) => html! { h2 { "What happened, packet by packet" } (own()) },
        Block::Curves(_) | Block::Ladder(_) => own(),
        Block::Command(line) => html! { pre { code { "$ " (line) } } },
        // The page has charts for curves and bars, and everything that hints are about. Details are sections of their own.
        Block::Curve(_) | Block::Bars { .. } | Block::Hint(_) | Block::Details(_) => html! {},
    }
}

/// Terms and their meanings.
pub(super) fn definitions(terms: &[Term]) -> Markup {
    html! { dl { @for Term { term, meaning } in terms { dt { (term) } dd { (meaning) } } } }
}

fn flag(Flagged { flag, rows }: &Flagged) -> Markup {
    html! { strong { (rows.join(", ")) } ": " (prose(flags::meaning(*flag))) " (" code { (flag) } ")" }
}

/// Why rows have no chart of their run over time. Consecutive rows with the same reason give it once.
fn notes<'a>(group: &Group<'a>) -> Vec<&'a str> {
    let reason = |cell: &&'a Cell| cell.pictures.as_ref()?.timeline_reason.as_deref();
    let mut notes: Vec<&str> = group.cells.iter().filter_map(reason).collect();
    notes.dedup();
    notes
}

/// Draws charts. Consecutive charts with the same caption show it once.
fn figures(figures: &[Figure]) -> Markup {
    html! {
        @for (index, Figure { id, chart }) in figures.iter().enumerate() {
            @let before = index.checked_sub(1).map(|before| figures[before].chart.caption);
            figure id=(id) data-row=[chart.row.as_deref()] {
                figcaption { (chart.title) }
                div class="scroll" tabindex="0" role="group" aria-label=(chart.title) { (chart.element(id)) }
                @for sentence in &chart.sentences { p { (sentence) } }
                @if before != Some(chart.caption) { p { (chart.caption) } }
            }
        }
    }
}

/// A sentence; what is in backticks becomes code.
pub(super) fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without a partner stays as it is.
    let is_balanced = parts.len() % 2 == 1;
    html! {
        @if is_balanced {
            @for (index, part) in parts.iter().enumerate() {
                @if index % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}
