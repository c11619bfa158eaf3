//! A block as HTML.

use maud::{Markup, html};

use super::table;
use crate::report::{
    block::{Block, Flagged, Term},
    chart::{self, Chart, Keys},
    flags, words,
};

/// The section of a block.
pub(super) struct Place {
    pub(super) section: usize,
    pub(super) place: usize,
}

/// Draws a block.
pub(super) fn draw(block: &Block<'_>, place: &Place, keys: &Keys) -> Markup {
    match block {
        Block::Warning(text) => html! { p class="warning" role="note" { (prose(text)) } },
        Block::Heading(text) => html! { h2 { (text) } },
        Block::Paragraph(text) => html! { p class=[(place.place == 1).then_some("lead")] { (prose(text)) } },
        Block::List(items) => html! { ul { @for item in items { li { (prose(item)) } } } },
        Block::Table(table) => table::draw(table, place.section),
        Block::Grid(rows) => table::draw_words(rows),
        Block::Terms(terms) => html! {
            dl { @for Term { term, meaning } in *terms { dt { (term) } dd { (meaning) } } }
        },
        Block::Flags(flags) => {
            html! { ul class="flags" { @for flagged in flags { li { (flag(flagged)) } } } }
        }
        Block::Skipped(skipped) => html! {
            ul class="skipped" { @for skipped in skipped { li { (prose(&words::skipped(skipped))) } } }
        },
        Block::Charts(group) => figures(&chart::of_group(group, keys), place),
        Block::Ladders(episodes) => html! {
            h2 { "What happened, packet by packet" }
            (figures(&chart::of_episodes(episodes), place))
        },
        Block::Curves(file) => figures(&chart::of_matrix(file, keys), place),
        Block::Command(line) => html! { pre { code { "$ " (line) } } },
        Block::Ladder(episodes) => figures(&chart::of_episodes(episodes), place),
        // The page has a chart of it.
        Block::Curve(_) => html! {},
        Block::Details(blocks) => html! { @for block in blocks { (draw(block, place, keys)) } },
    }
}

fn flag(Flagged { flag, rows }: &Flagged) -> Markup {
    html! { strong { (rows.join(", ")) } ": " (prose(flags::meaning(*flag))) " (" code { (flag) } ")" }
}

/// Charts; the identifiers of those with the same name are numbered.
fn figures(charts: &[Chart], Place { section, .. }: &Place) -> Markup {
    let number =
        |index: usize| charts[..index].iter().filter(|other| other.name == charts[index].name).count();
    html! {
        @for (index, chart) in charts.iter().enumerate() {
            @let id = format!("g{section}-{}{}", chart.name, if number(index) == 0 { String::new() } else { format!("-{}", number(index) + 1) });
            figure id=(id) data-row=[chart.row.as_deref()] {
                figcaption { (chart.title) }
                div class="scroll" tabindex="0" role="group" aria-label=(chart.title) { (chart.element(&id)) }
                p { (chart.caption) }
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
