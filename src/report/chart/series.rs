//! The look of a series: its colour, its dash and its marker.

use maud::{Markup, html};

use super::axis::Px;
use crate::report::{group::groups, model::ResultFile};

/// The number of colours, of dashes and of markers.
pub(super) const LOOKS: usize = 8;

/// The series of a result. A label looks the same in every chart.
pub(in crate::report) struct Keys {
    labels: Vec<String>,
}

impl Keys {
    pub(in crate::report) fn of(file: &ResultFile) -> Self {
        let mut labels: Vec<String> = Vec::new();
        for label in groups(file).into_iter().flat_map(|group| group.labels) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        Self { labels }
    }

    /// The look of a label. Looks from [`LOOKS`] on repeat colours, with other dashes and markers.
    pub(super) fn look(&self, label: &str) -> usize {
        self.labels.iter().position(|known| known == label).unwrap_or(0)
    }
}

/// The class of a line.
pub(super) fn stroke(look: usize) -> String {
    format!("stroke s{} d{}", look % LOOKS, other_kind(look))
}

/// The class of a marker.
pub(super) fn mark(look: usize) -> String {
    format!("mark s{}", look % LOOKS)
}

/// The class of an interval.
pub(super) fn whisker(look: usize) -> String {
    format!("whisker s{}", look % LOOKS)
}

/// The index of the dash and the marker. It differs between looks of the same colour.
fn other_kind(look: usize) -> usize {
    (look + look / LOOKS * 3) % LOOKS
}

/// The marker of a look, with its figures as a tooltip.
pub(super) fn marker(look: usize, x: f64, y: f64, title: &str) -> Markup {
    html! {
        path class=(mark(look)) d=(shape(look, x, y)) {
            @if !title.is_empty() { title { (title) } }
        }
    }
}

/// The outline of a marker.
pub(super) fn shape(look: usize, x: f64, y: f64) -> String {
    let lines = |points: &[(f64, f64)]| {
        let at = |(dx, dy): &(f64, f64)| format!("{} {}", Px(x + dx), Px(y + dy));
        format!("M{}Z", points.iter().map(at).collect::<Vec<_>>().join("L"))
    };
    match other_kind(look) {
        0 => format!("M{} {}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z", Px(x - 5.0), Px(y)),
        1 => lines(&[(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)]),
        2 => lines(&[(0.0, -6.0), (6.0, 5.0), (-6.0, 5.0)]),
        3 => lines(&[(0.0, -6.5), (6.5, 0.0), (0.0, 6.5), (-6.5, 0.0)]),
        4 => lines(&[(0.0, 6.0), (6.0, -5.0), (-6.0, -5.0)]),
        5 => lines(&[
            (-2.0, -6.0),
            (2.0, -6.0),
            (2.0, -2.0),
            (6.0, -2.0),
            (6.0, 2.0),
            (2.0, 2.0),
            (2.0, 6.0),
            (-2.0, 6.0),
            (-2.0, 2.0),
            (-6.0, 2.0),
            (-6.0, -2.0),
            (-2.0, -2.0),
        ]),
        6 => lines(&[(-6.0, -3.0), (6.0, -3.0), (6.0, 3.0), (-6.0, 3.0)]),
        _ => lines(&[(-3.0, -6.0), (3.0, -6.0), (3.0, 6.0), (-3.0, 6.0)]),
    }
}
