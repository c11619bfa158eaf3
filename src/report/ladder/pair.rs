//! Two episodes side by side, with one column of times.

use super::{
    MAX_ARROW, MIN_WIDTH,
    bars::Bars,
    drawing::{Drawing, INSTANT, LIVES},
    lists, marks, prose,
    rows::{Row, rows},
    words::{self, Clock},
};
use crate::report::{
    model::episode::Episode,
    terminal::{BOLD, TextOptions, painted},
};

/// Columns between the two drawings.
const GAP: usize = 2;
/// A shorter arrow has no room for a message's name.
const MIN_ARROW: usize = 14;

/// One of the two drawings.
struct Panel<'a> {
    drawing: Drawing<'a>,
    rows: Vec<Row<'a>>,
    acknowledgements: usize,
}

/// Draws two episodes with the packets of both in order of time.
pub(super) fn draw(episodes: [&Episode; 2], options: TextOptions) -> String {
    let width = options.width.max(MIN_WIDTH);
    let clock = Clock::of(&episodes);
    let panels = panels(episodes, width, options);
    let mut text = String::new();
    for episode in episodes {
        let title = format!("{}:", words::title(episode));
        text.push_str(&prose(&title, width));
        text.push_str(&prose(&words::summary(episode, &clock), width));
    }
    text.push('\n');
    text.push_str(&heading(&panels, options));
    for (shown, indices) in merged(&panels, &clock) {
        let mut line = format!("{shown:>0$} ", INSTANT - 1);
        for (panel, (index, is_here)) in panels.iter().zip(indices) {
            let row = panel.rows.get(index).filter(|_| is_here);
            line.push_str(&panel.drawing.panel(index, row));
            line.push_str(&" ".repeat(GAP));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for episode in episodes {
        text.push_str(&lists(episode, &format!("{}: ", episode.transport), &clock, width));
    }
    let acknowledgements = panels.iter().map(|panel| panel.acknowledgements).sum();
    text + &prose(&words::legend_of_pair(episodes, &panels[0].drawing.marks, acknowledgements), width)
}

/// Both drawings, with arrows of equal length. Bars get their width first, as far as arrows keep `MIN_ARROW`.
fn panels(episodes: [&Episode; 2], width: usize, options: TextOptions) -> [Panel<'_>; 2] {
    let beside = width - INSTANT - GAP - 2 * LIVES;
    let for_bars = beside - 2 * MIN_ARROW;
    let [left, right] = episodes.map(Bars::wanted);
    let left = left.min(for_bars - right.min(for_bars / 2));
    let right = right.min(for_bars - left);
    let mut panels = [(episodes[0], left), (episodes[1], right)].map(|(episode, bars)| {
        let (rows, acknowledgements) = rows(&episode.packets);
        let drawing = Drawing {
            episode,
            marks: marks(options),
            clock: Clock::of(&episodes),
            arrow: 0,
            bars: Bars::new(episode, &rows, bars),
            colour: options.colour,
        };
        Panel { drawing, rows, acknowledgements }
    });
    let bars: usize = panels.iter().map(|panel| panel.drawing.bars.width()).sum();
    let arrow = ((beside - bars) / 2).min(MAX_ARROW);
    panels.iter_mut().for_each(|panel| panel.drawing.arrow = arrow);
    panels
}

fn heading(panels: &[Panel<'_>; 2], options: TextOptions) -> String {
    let mut line = " ".repeat(INSTANT);
    for Panel { drawing, .. } in panels {
        let (bars, transport) = (drawing.bars.width(), &drawing.episode.transport);
        let waiting = if bars == 0 { "" } else { "  waiting" };
        line.push_str(&format!("{transport:^0$}{waiting:bars$}{1:GAP$}", drawing.arrow + LIVES, ""));
    }
    painted(line.trim_end(), if options.colour { BOLD } else { "" }) + "\n"
}

/// The rows of both in order of time: the instant, and for each drawing the index of its row. A drawing without a row
/// at this instant has `false` and the index of the row before.
fn merged(panels: &[Panel<'_>; 2], clock: &Clock) -> Vec<(String, [(usize, bool); 2])> {
    let instant =
        |panel: &Panel<'_>, row: usize| panel.rows.get(row).map(|row| row.instant(panel.drawing.episode.at));
    let mut next = [0, 0];
    let mut merged = Vec::new();
    loop {
        let due = [instant(&panels[0], next[0]), instant(&panels[1], next[1])];
        let Some(first) = due.into_iter().flatten().min() else { return merged };
        let shown = clock.show(first);
        let indices = [0, 1].map(|panel| {
            let is_here = due[panel].is_some_and(|at| clock.show(at) == shown);
            let index = if is_here { next[panel] } else { next[panel].wrapping_sub(1) };
            next[panel] += usize::from(is_here);
            (index, is_here)
        });
        merged.push((shown, indices));
    }
}
