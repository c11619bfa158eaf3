//! Horizontal bars of several parts, one row for each label.

use maud::{Markup, html};

use super::{
    axis::{Area, Px},
    scale::Scale,
};

/// A row.
pub(super) struct Row {
    pub(super) label: String,
    /// The known parts: their index in the palette, their value and their description.
    pub(super) parts: Vec<Part>,
    /// The text after the bar.
    pub(super) note: String,
}

/// A part of a bar.
pub(super) struct Part {
    pub(super) look: usize,
    pub(super) value: f64,
    pub(super) title: String,
}

/// Height of a row.
pub(super) const ROW: f64 = 30.0;
const BAR: f64 = 18.0;
/// The least width of a part, so that it can be seen.
const LEAST: f64 = 2.0;

/// Draws the bars of rows, from the left edge of `area` on.
pub(super) fn bars(rows: &[Row], area: &Area, scale: &Scale) -> Markup {
    html! {
        @for (index, row) in rows.iter().enumerate() {
            (bar(row, area.top + index as f64 * ROW + ROW / 2.0, scale))
        }
    }
}

fn bar(row: &Row, y: f64, scale: &Scale) -> Markup {
    let mut sum = 0.0;
    let parts = row.parts.iter().filter(|part| part.value > 0.0).map(|part| {
        let from = scale.at(sum);
        sum += part.value;
        (part, from, scale.at(sum) - from)
    });
    let parts: Vec<_> = parts.collect();
    html! {
        g class="bar" data-label=(row.label) {
            @for (part, x, width) in &parts {
                rect class={ "part p" (part.look) } x=(Px(*x)) y=(Px(y - BAR / 2.0)) width=(Px(width.max(LEAST)))
                    height=(Px(BAR)) data-part=(part.look) data-value=(part.value) { title { (row.label) ": " (part.title) } }
            }
            text x=(Px(scale.at(sum) + 8.0)) y=(Px(y + 5.0)) { (row.note) }
        }
    }
}

/// The labels of rows, right-aligned at the left edge of `area`.
pub(super) fn labels(rows: &[Row], area: &Area) -> Markup {
    html! {
        @for (index, row) in rows.iter().enumerate() {
            text class="name" x=(Px(area.left - 10.0)) y=(Px(area.top + index as f64 * ROW + ROW / 2.0 + 5.0))
                text-anchor="end" { (cut(&row.label, MOST)) }
        }
    }
}

/// The width of the longest label.
pub(super) fn label_width(rows: &[Row]) -> f64 {
    let longest = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
    longest.min(MOST) as f64 * 9.4 + 16.0
}

/// The most characters of a label. The titles of the parts have the whole label.
const MOST: usize = 30;

/// The text; if it is too long, its first characters and an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    let cut: String = text.chars().take(most - 1).collect();
    if text.chars().count() > most { cut + "…" } else { text.to_owned() }
}

/// A sample of a part.
pub(super) fn sign(look: usize, x: f64, y: f64) -> Markup {
    html! { rect class={ "part p" (look) } x=(Px(x - 9.0)) y=(Px(y - 7.0)) width="18" height="14" {} }
}
