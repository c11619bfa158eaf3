//! The ladder: an episode as a sequence diagram, and beside it the messages that wait.
//!
//! Rows stand in the order in which the receiving end sees them. A bar begins in the row that completes its message and
//! ends in the row that releases it. Each packet is one row, with an instant at each end.

mod bars;
mod drawing;
mod fit;
mod marks;
mod rows;
mod words;

pub(super) use self::words::{Clock, message, summary};
use self::{
    bars::Bars,
    drawing::{Drawing, INSTANT, LIVES},
    rows::rows,
};
use super::{model::episode::Episode, terminal::wrapped};

/// How a ladder looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LadderOptions {
    /// Columns of the terminal; at least 60 are used.
    pub width: usize,
    /// Whether to draw with ASCII alone.
    pub ascii: bool,
    /// Whether to emphasise with ANSI escapes.
    pub colour: bool,
}

const MIN_WIDTH: usize = 60;
/// A longer arrow is no clearer.
const MAX_ARROW: usize = 56;

/// Draws an episode.
pub fn to_ladder(episode: &Episode, options: LadderOptions) -> String {
    let width = options.width.max(MIN_WIDTH);
    let (rows, acknowledgements) = rows(&episode.packets);
    let beside = width - 2 * INSTANT - LIVES;
    let bars = Bars::new(episode, &rows, beside / 2);
    let drawing = Drawing {
        episode,
        marks: if options.ascii { marks::ASCII } else { marks::UNICODE },
        clock: words::Clock::of(episode),
        arrow: (beside - bars.width()).min(MAX_ARROW),
        bars,
        colour: options.colour,
    };
    let prose = |paragraph: &str| wrapped(paragraph, width, "").join("\n") + "\n";
    let mut text = prose(&words::title(episode)) + &prose(&words::summary(episode, &drawing.clock)) + "\n";
    text.push_str(&drawing.heading());
    for (index, row) in rows.iter().enumerate() {
        text.push_str(&drawing.row(index, row));
    }
    text.push('\n');
    text + &prose(&words::legend(episode, &drawing.marks, acknowledgements))
}
