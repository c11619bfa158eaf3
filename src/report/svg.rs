//! Each chart of a result as a file of its own, for slides and papers.

use super::{
    chart::{self, Keys},
    group::groups,
    model::ResultFile,
};

/// A chart as an SVG document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svg {
    /// What it shows, such as `latency`; with a number if several charts show that.
    pub name: String,
    /// The document.
    pub text: String,
}

/// The charts of a result, in the order of the HTML page.
pub fn to_svgs(file: &ResultFile) -> Vec<Svg> {
    let keys = Keys::of(file);
    let groups = groups(file);
    let curves = if groups.len() > 1 { chart::of_matrix(file, &keys) } else { Vec::new() };
    let of_groups = groups.iter().flat_map(|group| chart::of_group(group, &keys));
    let mut svgs: Vec<Svg> = Vec::new();
    for chart in curves.into_iter().chain(of_groups).chain(chart::of_episodes(&file.episodes)) {
        let is_same =
            |svg: &&Svg| svg.name.trim_end_matches(|c: char| c == '-' || c.is_ascii_digit()) == chart.name;
        let name = match svgs.iter().filter(is_same).count() {
            0 => chart.name.to_owned(),
            others => format!("{}-{}", chart.name, others + 1),
        };
        svgs.push(Svg { name, text: chart.document() });
    }
    svgs
}
