//! The names of messages beside the arrows of their packets, placed so that they do not cover each other.

use maud::{Markup, html};

use crate::report::chart::axis::Px;

/// An arrow with the name of what it carries.
pub(super) struct Named {
    pub(super) from: (f64, f64),
    pub(super) tip: (f64, f64),
    /// The name, and a shorter one for where there is little room.
    pub(super) names: [String; 2],
}

/// Where a name may begin: distances from the beginning of its arrow, the best first. Further ones follow at
/// [`STEP`]s.
const AWAY: [f64; 4] = [26.0, 78.0, 52.0, 104.0];
const STEP: f64 = 26.0;
/// Width of a character.
const CHARACTER: f64 = 8.4;
const HEIGHT: f64 = 12.0;

/// A name, its baseline, and the ends of its text.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    y: f64,
    begin: f64,
    end: f64,
}

impl<'a> Place<'a> {
    fn new(arrow: &'a Named, name: &'a str, away: f64) -> Self {
        let ((x, y), (tip_x, tip_y)) = (arrow.from, arrow.tip);
        let inward = if tip_x > x { 1.0 } else { -1.0 };
        let begin = x + inward * away;
        let end = begin + inward * name.chars().count() as f64 * CHARACTER;
        Self { name, y: y + inward * away * (tip_y - y) / (tip_x - x) - 3.0, begin, end }
    }

    /// The places for the names of an arrow, the best first. A name ends before the arrow does.
    fn all(arrow: &'a Named) -> impl Iterator<Item = Self> {
        let length = (arrow.tip.0 - arrow.from.0).abs();
        let further = (1..).map(|step| AWAY[3] + STEP * f64::from(step));
        let away = AWAY.into_iter().chain(further.take_while(move |away| *away < length));
        let away: Vec<f64> = away.collect();
        let places = move |name: &'a String| {
            let places = away.clone().into_iter().map(move |away| Self::new(arrow, name, away));
            places.filter(move |place| (place.end - arrow.from.0).abs() <= length)
        };
        arrow.names.iter().flat_map(places)
    }

    fn covers(&self, other: &Self) -> bool {
        let ends = |place: &Self| (place.begin.min(place.end), place.begin.max(place.end));
        let ((left, right), (other_left, other_right)) = (ends(self), ends(other));
        (self.y - other.y).abs() < HEIGHT && left < other_right && other_left < right
    }
}

/// Draws the names. The first names get the best places, and those without a place are left out.
pub(super) fn names(arrows: &[Named]) -> Markup {
    let mut taken: Vec<Place<'_>> = Vec::new();
    for arrow in arrows {
        let free = Place::all(arrow).find(|place| !taken.iter().any(|other| place.covers(other)));
        taken.extend(free);
    }
    html! {
        g class="names" {
            @for place in &taken {
                text x=(Px(place.begin)) y=(Px(place.y)) text-anchor=(if place.end > place.begin { "start" } else { "end" }) {
                    (place.name)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(y: f64, name: &str) -> Named {
        let names = [format!("{name} needless +2"), name.to_owned()];
        Named { from: (0.0, y), tip: (340.0, y + 40.0), names }
    }

    #[test]
    fn names_of_packets_that_leave_together_do_not_cover_each_other() {
        let text = names(&[arrow(0.0, "#1"), arrow(0.0, "#2")]).into_string();
        assert!(text.contains("x=\"26\"") && text.contains("x=\"130\""), "{text}");
    }

    #[test]
    fn in_a_crowd_names_are_shortened_or_left_out() {
        let arrows: Vec<Named> = (0..200).map(|n| arrow(f64::from(n), &format!("#{n}"))).collect();
        let mut taken: Vec<Place<'_>> = Vec::new();
        let text = names(&arrows).into_string();
        let (whole, all) = (text.matches("needless").count(), text.matches("<text").count());
        assert!(whole > 0 && all > whole && all < 200, "{whole} of {all}");
        for arrow in &arrows {
            let drawn = Place::all(arrow).find(|place| {
                let at = format!("x=\"{}\" y=\"{}\"", Px(place.begin), Px(place.y));
                text.contains(&format!("{at} text-anchor=\"start\">{}</text>", place.name))
            });
            if let Some(place) = drawn {
                assert!(!taken.iter().any(|other| place.covers(other)), "{}", place.name);
                taken.push(place);
            }
        }
        assert_eq!(taken.len(), all);
    }
}
