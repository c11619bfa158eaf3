//! A table as HTML. It carries its figures as numbers, so that a script can sort by them.

use maud::{Markup, html};

use crate::report::{
    block::{LABELS, Table},
    figure::Figure,
    model::Amount,
};

/// Draws a table of a section. Its rows link to the section's charts.
pub(super) fn draw(table: &Table, section: usize) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="group" aria-label=(table.title.as_deref().unwrap_or("figures")) {
            table {
                @if let Some(title) = &table.title { caption { (title) } }
                thead {
                    tr {
                        th scope="col" { (LABELS) }
                        @for column in &table.columns { th scope="col" { (column.title) } }
                    }
                }
                tbody {
                    @for (row, label) in table.labels.iter().enumerate() {
                        tr {
                            th scope="row" { a href={ "#g" (section) } { (label) } }
                            @for column in &table.columns {
                                td data-sort=[column.figures[row].map(|figure| order(&figure))] { (column.text(row)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Draws words by row; the first row has the titles.
pub(super) fn draw_words(rows: &[Vec<String>]) -> Markup {
    let (titles, rows) = rows.split_at(rows.len().min(1));
    html! {
        div class="scroll" tabindex="0" role="group" aria-label="words" {
            table {
                thead { @for titles in titles { tr { @for title in titles { th scope="col" { (title) } } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (column, word) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (word) } } @else { td { (word) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The number by which a figure is sorted.
fn order(figure: &Figure) -> f64 {
    match *figure {
        Figure::Time(n) | Figure::Throughput(n) | Figure::Count(n) | Figure::Stall { ns: n, .. } => n as f64,
        Figure::Share(ratio) => ratio.get(),
        Figure::Mean(value, _) => value,
        Figure::UpDown([up, down], _) => up + down,
        Figure::Difference(Amount::Nanos(ns), _) => ns as f64,
        Figure::Difference(Amount::Ratio(ratio), _) => ratio.get(),
    }
}
