//! A table as HTML. It carries its figures as numbers, so that a script can sort by them.

use maud::{Markup, html};

use super::target::{Section, of_row, of_topic};
use crate::report::{
    block::{LABELS, Table},
    figure::Figure,
    model::Amount,
};

/// Draws a table of a section. Rows and cells link to the charts of the section. In a table of several points, they
/// link to the charts in the section of their point.
pub(super) fn draw(table: &Table, section: usize, sections: &[Section]) -> Markup {
    let place = |row: usize| match &table.points {
        // Each point has a section. They follow this one.
        Some(points) => (section + 1 + points[row].0, points[row].1.as_str()),
        None => (section, table.labels[row].as_str()),
    };
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
                        @let (section, name) = place(row);
                        @let figures = sections.get(section);
                        tr {
                            th scope="row" {
                                @match figures.and_then(|figures| of_row(figures, name)) {
                                    Some(id) => a href={ "#" (id) } { (label) },
                                    None => a href={ "#g" (section) } { (label) },
                                }
                            }
                            @for column in &table.columns {
                                td data-sort=[column.figures[row].map(|figure| order(&figure))] {
                                    @match figures.and_then(|figures| of_topic(figures, column.topic, name)) {
                                        Some(id) if column.figures[row].is_some() => a href={ "#" (id) } { (column.text(row)) },
                                        _ => (column.text(row)),
                                    }
                                }
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
        div class="scroll" tabindex="0" role="group" aria-label="answers" {
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
        Figure::Share(ratio) | Figure::Shares([ratio, _]) => ratio.get(),
        Figure::Mean(value, _) => value,
        Figure::UpDown([up, down], _) => up + down,
        Figure::Found { losses, false_losses, .. } => (losses + false_losses) as f64,
        Figure::Difference(Amount::Nanos(ns), _) => ns as f64,
        Figure::Difference(Amount::Ratio(ratio), _) => ratio.get(),
    }
}
