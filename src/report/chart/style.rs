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

/// The colours differ in lightness as well as in hue, after Okabe and Ito. No series has the colour of a wait.
const LIGHT: Scheme = Scheme {
    paper: "#ffffff",
    text: "#1c2430",
    grid: "#e3e7ec",
    edge: "#6b7684",
    series: ["#005a9c", "#c24e00", "#007a5e", "#5b3fc4", "#1f1f1f", "#7a6100", "#6b3a1f", "#0a7f94"],
    parts: ["#8a8f98", "#9cc3e6", "#d27d00", "#a8246f", "#3d4450", "#cb69a3", "#3c78b4"],
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
