//! The legend of a chart's series or parts.

use maud::{Markup, html};

use super::{WIDTH, axis::Px, bars::cut};

/// An entry: its sign, which is drawn around a given point, and its name.
pub(super) struct Entry {
    pub(super) sign: fn(&Entry, f64, f64) -> Markup,
    /// The look of a series, or the index of a part.
    pub(super) look: usize,
    pub(super) name: String,
    /// The class of the elements that a script hides when the entry is clicked.
    pub(super) toggles: Option<String>,
}

const ROW: f64 = 22.0;
const SIGN: f64 = 34.0;
const GAP: f64 = 16.0;
/// The most characters of a name.
const MOST: usize = 60;
/// Width of a character in a wide font.
const CHARACTER: f64 = 8.4;

/// The entries in rows from `top` down, and their total height.
pub(super) fn legend(entries: &[Entry], left: f64, top: f64) -> (Markup, f64) {
    let (mut x, mut y) = (left, top + ROW / 2.0);
    let mut places = Vec::new();
    for entry in entries {
        let width = SIGN + entry.name.chars().count().min(MOST) as f64 * CHARACTER;
        if x + width > WIDTH && x > left {
            (x, y) = (left, y + ROW);
        }
        places.push((entry, x, y));
        x += width + GAP;
    }
    let markup = html! {
        g class="legend" {
            @for (entry, x, y) in places {
                g class="key" data-toggles=[entry.toggles.as_deref()] {
                    ((entry.sign)(entry, x + SIGN / 2.0 - 4.0, y))
                    text x=(Px(x + SIGN)) y=(Px(y + 4.5)) { (cut(&entry.name, MOST)) }
                }
            }
        }
    };
    (markup, y + ROW / 2.0 - top)
}
