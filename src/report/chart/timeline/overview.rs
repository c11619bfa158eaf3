//! A whole run in bins, with a bar up to the largest latency of each bin.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::{
    chart::{
        axis::{Area, Px},
        scale::Scale,
    },
    model::Overview,
};

/// Draws the strip. A bin with missing messages has a mark below it.
pub(super) fn overview(overview: &Overview, area: &Area, x: &Scale, latency: [f64; 2]) -> Markup {
    let y = Scale::log(latency, area.y());
    let width = x.at(overview.bin_ns as f64) - area.left;
    let left = |bin: usize| x.at(overview.bin_ns as f64 * bin as f64);
    let mut bars = String::new();
    for (bin, most) in overview.latency_max_ns.iter().enumerate() {
        if let Some(most) = most {
            // Writing to a string cannot fail.
            let _ = write!(
                bars,
                "M{} {}V{}",
                Px(left(bin) + width / 2.0),
                Px(area.bottom),
                Px(y.at(*most as f64))
            );
        }
    }
    let marked = |counts: &[u64]| {
        let some = counts.iter().enumerate().filter(|(_, n)| **n > 0);
        some.map(|(bin, _)| format!("M{} {}h{}", Px(left(bin)), Px(0.0), Px(width))).collect::<String>()
    };
    let missing = marked(&overview.missing);
    html! {
        g class="overview" {
            path class="bins" stroke-width=(Px((width - 0.6).max(0.6))) d=(bars) {}
            @if !missing.is_empty() {
                path class="missing" transform={ "translate(0 " (Px(area.bottom + 3.0)) ")" } d=(missing) {}
            }
            line class="edge" x1=(Px(area.left)) x2=(Px(area.right)) y1=(Px(area.bottom)) y2=(Px(area.bottom)) {}
        }
    }
}
