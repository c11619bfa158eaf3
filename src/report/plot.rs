//! Draws a curve with characters.

use super::{
    block::{Curve, Line},
    figure::Figure,
    terminal::TextOptions,
};

/// Rows of the plot.
const HEIGHT: usize = 12;
/// A wider plot is no clearer.
const MAX_WIDTH: usize = 64;

/// The column and row of a value; `None` if there is no value.
type Point = Option<(usize, usize)>;

/// A curve as lines of text. Lines that coincide share a sign.
pub(super) fn plot(curve: &Curve, options: TextOptions) -> String {
    let drawn: Vec<&Line> =
        curve.lines.iter().filter(|line| line.figures.iter().flatten().next().is_some()).collect();
    let figures = || drawn.iter().flat_map(|line| &line.figures).flatten();
    let greatest = figures().filter_map(|figure| figure.height()).fold(0.0, f64::max);
    let Some(sample) = figures().next().copied() else { return String::new() };
    let (top, bottom) = (axis_label(sample, greatest), axis_label(sample, 0.0));
    let margin = top.len().max(bottom.len());
    let width = options.width.min(margin + 2 + MAX_WIDTH).saturating_sub(margin + 2).max(20);
    let columns = columns(&curve.values, width);
    let points = |line: &Line| -> Vec<Point> {
        let row = |figure: &Option<Figure>| Some(row(figure.as_ref()?.height()?, greatest));
        columns.iter().zip(&line.figures).map(|(&column, figure)| Some((column, row(figure)?))).collect()
    };
    let mut shared: Vec<(Vec<Point>, Vec<&str>)> = Vec::new();
    for line in &drawn {
        let points = points(line);
        match shared.iter_mut().find(|(other, _)| *other == points) {
            Some((_, labels)) => labels.push(&line.label),
            None => shared.push((points, vec![&line.label])),
        }
    }
    let mut grid = vec![vec![' '; width]; HEIGHT];
    let dot = if options.ascii { '.' } else { '·' };
    shared.iter().for_each(|(points, _)| connect(&mut grid, points, dot));
    for ((points, _), sign) in shared.iter().zip(signs()) {
        for &(column, row) in points.iter().flatten() {
            // Where lines meet, the sign that comes first in the legend is drawn.
            if !grid[row][column].is_ascii_alphanumeric() {
                grid[row][column] = sign;
            }
        }
    }
    let (side, corner, base) = if options.ascii { ('|', '+', '-') } else { ('│', '└', '─') };
    let mut text = String::new();
    for (index, cells) in grid.iter().enumerate() {
        let label = match index {
            0 => top.as_str(),
            _ if index == HEIGHT - 1 => bottom.as_str(),
            _ => "",
        };
        let line = format!("{label:>margin$} {side}{}", cells.iter().collect::<String>());
        text.push_str(&(line.trim_end().to_owned() + "\n"));
    }
    let rule: String = std::iter::repeat_n(base, width).collect();
    text.push_str(&format!("{:margin$} {corner}{rule}\n", ""));
    text.push_str(&(below(&curve.values, &columns, margin + 2) + "\n"));
    for ((_, labels), sign) in shared.iter().zip(signs()) {
        text.push_str(&format!("{:margin$}  {sign} {}\n", "", labels.join(", ")));
    }
    text
}

/// The signs of lines. Not capital letters: those are the results that are compared.
fn signs() -> impl Iterator<Item = char> {
    ('1'..='9').chain('a'..='z').cycle()
}

fn axis_label(sample: Figure, height: f64) -> String {
    sample.with_height(height).to_string()
}

/// The row of a height; 0 is the top one.
fn row(height: f64, greatest: f64) -> usize {
    let share = if greatest > 0.0 { height / greatest } else { 0.0 };
    HEIGHT - 1 - (libm::round(share * (HEIGHT - 1) as f64) as usize).min(HEIGHT - 1)
}

/// The column of each value: to scale if the labels have room, equally spaced otherwise.
fn columns(values: &[(String, f64)], width: usize) -> Vec<usize> {
    let widest = values.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let last = width.saturating_sub(widest.div_ceil(2)).saturating_sub(1);
    let first = widest / 2;
    let place = |share: f64| first + libm::round(share * last.saturating_sub(first) as f64) as usize;
    let least = values.iter().map(|(_, at)| *at).fold(f64::INFINITY, f64::min);
    let most = values.iter().map(|(_, at)| *at).fold(f64::NEG_INFINITY, f64::max);
    let scaled: Vec<usize> = values.iter().map(|(_, at)| place((at - least) / (most - least))).collect();
    if scaled.windows(2).all(|pair| pair[1] > pair[0] + widest) {
        return scaled;
    }
    let steps = values.len().saturating_sub(1).max(1) as f64;
    (0..values.len()).map(|index| place(index as f64 / steps)).collect()
}

/// The labels below the axis.
fn below(values: &[(String, f64)], columns: &[usize], margin: usize) -> String {
    let mut line = String::new();
    for ((label, _), column) in values.iter().zip(columns) {
        let start = (margin + column).saturating_sub(label.chars().count() / 2);
        let gap = start.saturating_sub(line.chars().count()).max(usize::from(!line.is_empty()));
        line.push_str(&" ".repeat(gap));
        line.push_str(label);
    }
    line
}

/// Draws straight lines between consecutive points.
fn connect(grid: &mut [Vec<char>], points: &[Point], dot: char) {
    for pair in points.windows(2) {
        let [Some((from, high)), Some((to, low))] = pair else { continue };
        (from + 1..*to).for_each(|column| {
            let share = (column - from) as f64 / (to - from) as f64;
            let row = libm::round(*high as f64 + share * (*low as f64 - *high as f64)) as usize;
            grid[row][column] = dot;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Ratio;

    fn curve(lines: &[(&str, [f64; 3])]) -> Curve {
        let line = |&(label, heights): &(&str, [f64; 3])| Line {
            label: label.to_owned(),
            figures: heights.iter().map(|&share| Ratio::new(share).map(Figure::Share)).collect(),
        };
        Curve {
            title: "blocked by loss".to_owned(),
            values: vec![("0%".to_owned(), 0.0), ("1%".to_owned(), 0.01), ("5%".to_owned(), 0.05)],
            lines: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn points_stand_where_their_values_are_and_equal_lines_share_a_sign() {
        let lines = [("one", [0.0, 0.1, 0.4]), ("each", [0.0; 3]), ("none", [0.0; 3])];
        let options = TextOptions { width: 40, ascii: true, ..TextOptions::default() };
        let text = plot(&curve(&lines), options);
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].starts_with("40.00% |") && rows[0].ends_with('1'), "{text}");
        assert!(rows[HEIGHT - 1].starts_with("    0% |"), "{text}");
        assert!(text.contains("  1 one\n") && text.contains("  2 each, none\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40 && line.is_ascii()), "{text}");
        // The second point is at a fifth of the width and a quarter of the height.
        let (row, line) = rows.iter().enumerate().find(|(_, line)| line.contains("1.")).unwrap();
        assert_eq!((row, line.find('1')), (8, Some(15)), "{text}");
    }

    #[test]
    fn a_curve_without_figures_draws_nothing() {
        let mut empty = curve(&[("one", [0.0; 3])]);
        empty.lines[0].figures = vec![None; 3];
        assert_eq!(plot(&empty, TextOptions::default()), "");
    }
}
