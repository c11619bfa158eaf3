//! The names of messages beside the arrows of their packets, placed so that they do not cover each other.

use maud::{Markup, html};

use crate::report::chart::axis::Px;

/// An arrow with the name of what it carries.
pub(super) struct Named {
    pub(super) from: (f64, f64),
    pub(super) tip: (f64, f64),
    pub(super) name: String,
}

/// Where a name may begin: distances from the beginning of its arrow, the best first.
const AWAY: [f64; 4] = [26.0, 78.0, 52.0, 104.0];
/// Width of a character.
const CHARACTER: f64 = 7.4;
const HEIGHT: f64 = 11.0;

/// A name's baseline, and the ends of its text.
#[derive(Clone, Copy)]
struct Place {
    y: f64,
    begin: f64,
    end: f64,
}

impl Place {
    fn new(arrow: &Named, away: f64) -> Self {
        let ((x, y), (tip_x, tip_y)) = (arrow.from, arrow.tip);
        let inward = if tip_x > x { 1.0 } else { -1.0 };
        let begin = x + inward * away;
        let width = arrow.name.chars().count() as f64 * CHARACTER;
        Self { y: y + inward * away * (tip_y - y) / (tip_x - x) - 3.0, begin, end: begin + inward * width }
    }

    fn covers(&self, other: &Self) -> bool {
        let ends = |place: &Self| (place.begin.min(place.end), place.begin.max(place.end));
        let ((left, right), (other_left, other_right)) = (ends(self), ends(other));
        (self.y - other.y).abs() < HEIGHT && left < other_right && other_left < right
    }
}

/// Draws the names. The first names get the best places.
pub(super) fn names(arrows: &[Named]) -> Markup {
    let mut taken: Vec<Place> = Vec::new();
    for arrow in arrows {
        let places = AWAY.map(|away| Place::new(arrow, away));
        let free = places.iter().find(|place| !taken.iter().any(|other| place.covers(other)));
        taken.push(*free.unwrap_or(&places[0]));
    }
    html! {
        g class="names" {
            @for (Named { name, .. }, place) in arrows.iter().zip(&taken) {
                text x=(Px(place.begin)) y=(Px(place.y)) text-anchor=(if place.end > place.begin { "start" } else { "end" }) {
                    (name)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packets_that_leave_together_do_not_cover_each_other() {
        let arrow = |name: &str| Named { from: (0.0, 0.0), tip: (340.0, 40.0), name: name.to_owned() };
        let text = names(&[arrow("#1"), arrow("#2")]).into_string();
        assert!(text.contains("x=\"26\"") && text.contains("x=\"78\""), "{text}");
    }
}
