//! The ladder: an episode as a sequence diagram, and beside it the messages that wait.
//!
//! Rows stand in the order in which the receiving end sees them. A bar begins in the row that completes its message and
//! ends in the row that releases it. Each packet is one row, with an instant at each end.

mod bars;
mod drawing;
mod fit;
mod marks;
mod pair;
mod rows;
mod verdicts;
mod words;

use self::{
    bars::Bars,
    drawing::{Drawing, INSTANT, LIVES},
    marks::Marks,
    rows::rows,
};
pub(super) use self::{
    verdicts::{Verdicts, verdicts},
    words::{Clock, message, summary},
};
use super::{
    model::episode::Episode,
    terminal::{TextOptions, wrapped},
};

const MIN_WIDTH: usize = 60;
/// A longer arrow is no clearer.
const MAX_ARROW: usize = 56;

/// Draws two episodes side by side, and any other number of them below each other.
pub fn to_ladders(episodes: &[Episode], options: TextOptions) -> String {
    match episodes {
        [left, right] => pair::draw([left, right], options),
        _ => episodes.iter().map(|episode| one(episode, options)).collect::<Vec<_>>().join("\n"),
    }
}

fn one(episode: &Episode, options: TextOptions) -> String {
    let width = options.width.max(MIN_WIDTH);
    let (rows, acknowledgements) = rows(&episode.packets);
    let beside = width - 2 * INSTANT - LIVES;
    let bars = Bars::new(episode, &rows, beside / 2);
    let drawing = Drawing {
        episode,
        marks: marks(options),
        clock: words::Clock::of(&[episode]),
        arrow: (beside - bars.width()).min(MAX_ARROW),
        bars,
        colour: options.colour,
    };
    let title = format!("{}:", words::title(episode));
    let mut text = prose(&title, width) + &prose(&words::summary(episode, &drawing.clock), width) + "\n";
    text.push_str(&drawing.heading());
    for (index, row) in rows.iter().enumerate() {
        text.push_str(&drawing.row(index, row));
    }
    text.push('\n');
    text.push_str(&lists(episode, "", &drawing.clock, width));
    text + &prose(&words::legend(episode, &drawing.marks, acknowledgements), width)
}

/// What the link knows about the retransmissions of an episode, and an empty line. Each heading begins with `whose`.
fn lists(episode: &Episode, whose: &str, clock: &Clock, width: usize) -> String {
    let mut text = String::new();
    for Verdicts { heading, lines } in verdicts(episode, clock) {
        text.push_str(&prose(&format!("{whose}{heading}:"), width));
        for line in lines {
            text.extend(wrapped(&line, width - 4, "").iter().map(|line| format!("  {line}\n")));
        }
        text.push('\n');
    }
    text
}

const fn marks(options: TextOptions) -> Marks {
    if options.ascii { marks::ASCII } else { marks::UNICODE }
}

fn prose(paragraph: &str, width: usize) -> String {
    wrapped(paragraph, width, "").join("\n") + "\n"
}
