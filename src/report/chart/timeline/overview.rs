//! A whole run in bins, with a bar up to the largest latency of each bin.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::{
    chart::{
        axis::{Area, Px},
        scale::Scale,
    },
    model::Overview,
    numbers,
};

/// Height of each lane below the strip.
const LANE: f64 = 14.0;
/// Height of the lanes together.
pub(super) const LANES: f64 = 2.0 * LANE + 6.0;

/// Draws the strip, and below it the numbers of blocked messages and of dropped packets in each bin. A bin with missing
/// messages has a mark.
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
    let lane = |counts: &[u64], bottom: f64| {
        let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
        let mut path = String::new();
        for (bin, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let height = (LANE - 2.0) * *n as f64 / most;
            let _ = write!(path, "M{} {}v{}", Px(left(bin) + width / 2.0), Px(bottom), Px(-height.max(1.0)));
        }
        path
    };
    let lanes = [
        ("blocked", "k-blocked", &overview.blocked, area.bottom + 6.0 + LANE),
        ("dropped", "k-dropped", &overview.dropped, area.bottom + 6.0 + 2.0 * LANE),
    ];
    html! {
        g class="overview" {
            @for ns in y.ticks(3) {
                text x=(Px(area.left - 8.0)) y=(Px(y.at(ns) + 4.0)) text-anchor="end" { (numbers::instant(ns)) }
            }
            path class="bins" stroke-width=(Px((width - 0.6).max(0.6))) d=(bars) {}
            @if !missing.is_empty() {
                path class="missing" transform={ "translate(0 " (Px(area.bottom + 3.0)) ")" } d=(missing) {}
            }
            @for (name, class, counts, bottom) in lanes {
                text x=(Px(area.left - 8.0)) y=(Px(bottom)) text-anchor="end" { (name) }
                g data-counts=(name) data-total=(counts.iter().copied().fold(0, u64::saturating_add)) {
                    path class=(class) stroke-width=(Px((width - 0.6).max(0.6))) d=(lane(counts, bottom)) {}
                }
            }
            line class="edge" x1=(Px(area.left)) x2=(Px(area.right)) y1=(Px(area.bottom)) y2=(Px(area.bottom)) {}
        }
    }
}
