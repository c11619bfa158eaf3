//! The axes of a chart.

use std::fmt;

use maud::{Markup, html};

use super::WIDTH;

/// A coordinate, to a tenth of a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = libm::round(self.0 * 10.0) as i64;
        let sign = if tenths < 0 { "-" } else { "" };
        let (whole, tenth) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
        if tenth == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{tenth}") }
    }
}

/// The area between the axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// A coordinate on an axis and its label.
pub(super) type Tick = (f64, String);

impl Area {
    pub(super) fn x(&self) -> [f64; 2] {
        [self.left, self.right]
    }

    /// From bottom to top.
    pub(super) fn y(&self) -> [f64; 2] {
        [self.bottom, self.top]
    }

    /// The axis below the area.
    pub(super) fn x_axis(&self, title: &str, ticks: &[Tick]) -> Markup {
        let middle = (self.left + self.right) / 2.0;
        html! {
            g class="axis" {
                @for (x, label) in ticks {
                    line class="grid" x1=(Px(*x)) x2=(Px(*x)) y1=(Px(self.top)) y2=(Px(self.bottom)) {}
                    text x=(Px(x.min(WIDTH - label.chars().count() as f64 * 4.4))) y=(Px(self.bottom + 18.0)) text-anchor="middle" { (label) }
                }
                line class="edge" x1=(Px(self.left)) x2=(Px(self.right)) y1=(Px(self.bottom)) y2=(Px(self.bottom)) {}
                text class="name" x=(Px(middle)) y=(Px(self.bottom + 38.0)) text-anchor="middle" { (title) }
            }
        }
    }

    /// The axis on the left of the area. Its title stands above it, so that it is not rotated.
    pub(super) fn y_axis(&self, title: &str, ticks: &[Tick]) -> Markup {
        html! {
            g class="axis" {
                @for (y, label) in ticks {
                    line class="grid" x1=(Px(self.left)) x2=(Px(self.right)) y1=(Px(*y)) y2=(Px(*y)) {}
                    text x=(Px(self.left - 8.0)) y=(Px(*y + 4.5)) text-anchor="end" { (label) }
                }
                line class="edge" x1=(Px(self.left)) x2=(Px(self.left)) y1=(Px(self.top)) y2=(Px(self.bottom)) {}
                text class="name" x="4" y=(Px(self.top - 12.0)) { (title) }
            }
        }
    }

    /// The line of a deadline across the area.
    pub(super) fn deadline(&self, y: f64) -> Markup {
        html! {
            g class="deadline" { line x1=(Px(self.left)) x2=(Px(self.right)) y1=(Px(y)) y2=(Px(y)) {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_a_tenth_and_zero_has_no_sign() {
        let all = [0.0, -0.01, 1.04, 1.05, -2.25, 10.0].map(|value| Px(value).to_string());
        assert_eq!(all, ["0", "0", "1", "1.1", "-2.3", "10"]);
    }
}
