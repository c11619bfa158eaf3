//! The style of charts: a light and a dark palette that colour-blind readers can distinguish.

use std::fmt::Write as _;

use super::series::LOOKS;

/// Colours of one scheme.
struct Scheme {
    paper: &'static str,
    text: &'static str,
    grid: &'static str,
    edge: &'static str,
    series: [&'static str; LOOKS],
    /// The parts of a budget: send wait, path, recovery, order wait, host. The sixth colour is for messages that wait
    /// for their own flow: the hue of the order wait, but lighter or darker. The last is the queue's: the hue of the
    /// path.
    parts: [&'static str; PARTS],
    alarm: &'static str,
}

/// The number of colours of parts.
const PARTS: usize = 7;

/// The colours differ in lightness as well as in hue, after Okabe and Ito. No series has the colour of a wait. All have a
/// contrast of at least 3:1 to the paper (WCAG 2.2, criterion 1.4.11).
const LIGHT: Scheme = Scheme {
    paper: "#ffffff",
    text: "#1c2430",
    grid: "#e3e7ec",
    edge: "#6b7684",
    series: ["#005a9c", "#c24e00", "#007a5e", "#5b3fc4", "#1f1f1f", "#7a6100", "#6b3a1f", "#0a7f94"],
    parts: ["#6e7480", "#4f94cf", "#d27d00", "#a8246f", "#3d4450", "#cb69a3", "#2a649e"],
    alarm: "#b3001b",
};

const DARK: Scheme = Scheme {
    paper: "#12161c",
    text: "#e6eaf0",
    grid: "#2a313b",
    edge: "#8a95a3",
    series: ["#62b4f7", "#ffa257", "#45d0a4", "#b9a5ff", "#f2f2f2", "#dfc34a", "#c9b29b", "#5fd4ea"],
    parts: ["#a0a6b0", "#3f6d96", "#f0a640", "#ff7fbf", "#d4d9e0", "#a8507f", "#8fc1ee"],
    alarm: "#ff7a85",
};

/// Dashes by look; the first is solid.
const DASHES: [&str; LOOKS] = ["none", "9 4", "3 3", "12 4 3 4", "none", "6 3", "2 5", "14 3"];

impl Scheme {
    fn variables(&self) -> String {
        let mut css = format!(
            "--paper:{};--text:{};--grid:{};--edge:{};--alarm:{};",
            self.paper, self.text, self.grid, self.edge, self.alarm
        );
        let numbered = |name: &str, colours: &[&str]| {
            colours
                .iter()
                .enumerate()
                .map(|(index, colour)| format!("--{name}{index}:{colour};"))
                .collect::<String>()
        };
        css += &numbered("s", &self.series);
        css + &numbered("p", &self.parts)
    }
}

/// The rules for a page. It follows the reader's colour scheme; print is light.
pub(in crate::report) fn for_page() -> String {
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n{}",
        LIGHT.variables(),
        DARK.variables(),
        rules()
    )
}

/// The rules for a stand-alone chart. They have no CSS variables, because not every SVG renderer supports them.
pub(super) fn for_document() -> String {
    let mut css = rules();
    for pair in LIGHT.variables().split_terminator(';') {
        if let Some((name, colour)) = pair.split_once(':') {
            css = css.replace(&format!("var({name})"), colour);
        }
    }
    css
}

fn rules() -> String {
    let mut css = include_str!("chart.css").to_owned();
    for (look, dash) in DASHES.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            css,
            ".s{look}{{stroke:var(--s{look})}}.mark.s{look}{{fill:var(--s{look})}}.stroke.d{look}{{stroke-dasharray:{dash}}}"
        );
    }
    for part in 0..PARTS {
        let _ = writeln!(css, ".p{part}{{fill:var(--p{part})}}");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of WCAG 2.2.
    fn luminance(colour: &str) -> f64 {
        let linear = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("#rrggbb")) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { libm::pow((value + 0.055) / 1.055, 2.4) }
        };
        0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_that_is_drawn_stands_out_from_the_paper() {
        assert!((contrast("#ffffff", "#000000") - 21.0).abs() < 1e-9);
        for scheme in [LIGHT, DARK] {
            let drawn = scheme.series.iter().chain(&scheme.parts).chain([&scheme.edge, &scheme.alarm]);
            for colour in drawn {
                let found = contrast(colour, scheme.paper);
                assert!(found >= 3.0, "{colour} on {}: {found:.2}", scheme.paper);
            }
        }
    }
}
