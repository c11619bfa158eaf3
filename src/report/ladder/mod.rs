//! The ladder: an episode as a sequence diagram, and beside it the messages that wait.
//!
//! Rows stand in the order in which the receiving end sees them, so that a bar begins in the row that completes
//! its message and ends in the row that releases it. Each packet is one row with its two instants at its ends.

mod bars;
mod words;

use self::bars::Bars;
use super::model::episode::{Carries, End, Episode, Numbered, Packet};

/// How a ladder is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LadderOptions {
    /// Columns; fewer than 60 are taken for 60.
    pub width: usize,
    /// Whether to draw with ASCII alone.
    pub ascii: bool,
    /// Whether to emphasise with ANSI escapes.
    pub colour: bool,
}

/// The marks of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    life: char,
    line: char,
    thin: char,
    right: char,
    left: char,
    broken: char,
    begins: char,
    waits: char,
    ends: char,
    more: char,
}

const UNICODE: Marks = Marks {
    life: '│',
    line: '─',
    thin: '┄',
    right: '▶',
    left: '◀',
    broken: '✕',
    begins: '┳',
    waits: '┃',
    ends: '┻',
    more: '⋮',
};

const ASCII: Marks = Marks {
    life: '|',
    line: '-',
    thin: '.',
    right: '>',
    left: '<',
    broken: 'x',
    begins: 'o',
    waits: '|',
    ends: '+',
    more: ':',
};

const LEAST_WIDTH: usize = 60;
/// An instant, right-aligned, and the space that parts it from its lifeline.
const INSTANT: usize = 9;
/// The two lifelines.
const LIVES: usize = 2;
/// A longer arrow says nothing more.
const LONGEST_ARROW: usize = 56;
/// With title and legend, a ladder is to fit on a screen.
const MOST_ROWS: usize = 44;
/// Of the rows that are kept of a long episode, those at its end, where what was missing comes.
const LAST_ROWS: usize = 16;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// Draws an episode.
pub fn to_ladder(episode: &Episode, options: LadderOptions) -> String {
    let width = options.width.max(LEAST_WIDTH);
    let (rows, acknowledgements) = rows(&episode.packets);
    let beside = width - 2 * INSTANT - LIVES;
    let bars = Bars::new(episode, &rows, beside / 2);
    let drawing = Drawing {
        episode,
        marks: if options.ascii { ASCII } else { UNICODE },
        clock: words::Clock::of(episode),
        arrow: (beside - bars.width()).min(LONGEST_ARROW),
        bars,
        colour: options.colour,
    };
    let mut text = String::new();
    let mut prose = |paragraph: &str| {
        for line in words::wrapped(paragraph, width) {
            text.push_str(&line);
            text.push('\n');
        }
    };
    prose(&words::title(episode));
    prose(&words::seen(episode, &drawing.clock));
    text.push('\n');
    text.push_str(&drawing.heading());
    for (index, row) in rows.iter().enumerate() {
        text.push_str(&drawing.row(index, row));
    }
    text.push('\n');
    for line in words::wrapped(&words::legend(episode, &drawing.marks, acknowledgements), width) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// A line of the drawing.
#[derive(Debug, Clone, Copy)]
enum Row<'a> {
    Packet(&'a Packet),
    /// So many packets, of which this is the last.
    LeftOut(usize, &'a Packet),
}

impl Row<'_> {
    /// When the end that is looked at sees it, or the last of it.
    fn instant(&self, at: End) -> u64 {
        let (Self::Packet(packet) | Self::LeftOut(_, packet)) = self;
        packet.at(at)
    }

    /// Whether it brings bytes of `message` to that end.
    fn brings(&self, message: Numbered, at: End) -> bool {
        match self {
            Self::Packet(packet) => {
                packet.from != at && packet.carries.iter().any(|carries| carries.message == message)
            }
            Self::LeftOut(..) => false,
        }
    }
}

/// The rows that fit, and how many acknowledgements were left out for that. They go first, then the middle.
fn rows(packets: &[Packet]) -> (Vec<Row<'_>>, usize) {
    if packets.len() <= MOST_ROWS {
        return (packets.iter().map(Row::Packet).collect(), 0);
    }
    let loaded: Vec<&Packet> = packets.iter().filter(|packet| !packet.carries.is_empty()).collect();
    let acknowledgements = packets.len() - loaded.len();
    let all = loaded.iter().copied().map(Row::Packet);
    if loaded.len() <= MOST_ROWS {
        return (all.collect(), acknowledgements);
    }
    let (first, last) = (MOST_ROWS - LAST_ROWS - 1, loaded.len() - LAST_ROWS);
    let middle = Row::LeftOut(last - first, loaded[last - 1]);
    let rows = all.clone().take(first).chain([middle]).chain(all.skip(last));
    (rows.collect(), acknowledgements)
}

/// A part of a line, and the ANSI code of its colour.
type Part = (String, &'static str);

struct Drawing<'a> {
    episode: &'a Episode,
    marks: Marks,
    clock: words::Clock,
    /// Columns between the lifelines.
    arrow: usize,
    bars: Bars,
    colour: bool,
}

impl Drawing<'_> {
    fn heading(&self) -> String {
        let waiting = if self.bars.width() == 0 { "" } else { "  waiting" };
        let between = " ".repeat(self.arrow + LIVES);
        self.line(("client", "server"), (between, BOLD), waiting.to_owned())
    }

    fn row(&self, index: usize, row: &Row<'_>) -> String {
        let bars = self.bars.draw(index, &self.marks);
        match row {
            Row::Packet(packet) => {
                let (client, server) = (self.instant(packet, End::Client), self.instant(packet, End::Server));
                let (arrow, colour) = self.arrow(packet);
                let life = self.marks.life;
                self.line((&client, &server), (format!("{life}{arrow}{life}"), colour), bars)
            }
            Row::LeftOut(packets, _) => {
                let note = cut(&format!("{packets} packets left out"), self.arrow);
                let more = self.marks.more;
                let (arrow, more) = (format!("{more}{note:^0$}{more}", self.arrow), more.to_string());
                self.line((&more, &more), (arrow, DIM), bars)
            }
        }
    }

    /// When a packet was at an end; nothing where it never was.
    fn instant(&self, packet: &Packet, end: End) -> String {
        if packet.lost && packet.from != end { String::new() } else { self.clock.show(packet.at(end)) }
    }

    /// What is between the lifelines.
    fn arrow(&self, packet: &Packet) -> Part {
        let marks = &self.marks;
        let pure = packet.carries.is_empty();
        let line = if pure { marks.thin } else { marks.line };
        // A lost packet's arrow ends on the way.
        let length = if packet.lost { self.arrow * 3 / 4 } else { self.arrow };
        let shaft = length - 1;
        let label = label(&packet.carries, shaft.saturating_sub(4));
        let before = (shaft - label.chars().count()) / 2;
        let mut chars = vec![line; shaft];
        for (place, c) in chars[before..].iter_mut().zip(label.chars()) {
            *place = c;
        }
        let shaft: String = chars.into_iter().collect();
        let width = self.arrow;
        let arrow = match (packet.from, packet.lost) {
            (End::Client, false) => format!("{shaft}{}", marks.right),
            (End::Client, true) => format!("{:width$}", format!("{shaft}{}", marks.broken)),
            (End::Server, false) => format!("{}{shaft}", marks.left),
            (End::Server, true) => format!("{:>width$}", format!("{}{shaft}", marks.broken)),
        };
        let colour = match packet {
            Packet { lost: true, .. } => RED,
            _ if pure => DIM,
            _ if packet.carries.iter().any(|message| message.again) => YELLOW,
            _ => "",
        };
        (arrow, colour)
    }

    /// Puts a line together: the bars stand at the side of the end at which messages wait.
    fn line(&self, (client, server): (&str, &str), arrow: Part, bars: String) -> String {
        let bars = format!("{bars:0$}", self.bars.width());
        let instant = INSTANT - 1;
        let client: Part = (format!("{client:>instant$} "), "");
        let server: Part = (format!(" {server:>instant$}"), "");
        let parts = match self.episode.at {
            End::Server => [client, arrow, server, (bars, CYAN)],
            End::Client => [client, (bars, CYAN), arrow, server],
        };
        let mut line = String::new();
        for (part, colour) in parts {
            if self.colour && !colour.is_empty() && !part.trim().is_empty() {
                line.push_str(&format!("\x1b[{colour}m{part}\x1b[0m"));
            } else {
                line.push_str(&part);
            }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// The messages of a packet in at most `width` columns, between spaces.
fn label(carries: &[Carries], width: usize) -> String {
    let name = |carries: &Carries| {
        let number = carries.message.number;
        if carries.again { format!("#{number} again") } else { words::message(carries.message) }
    };
    if carries.is_empty() {
        return " ack ".to_owned();
    }
    let names: Vec<String> = carries.iter().map(name).collect();
    format!(" {} ", fitted(&names, width.saturating_sub(2)))
}

/// All names, or the first of them and how many more there are.
fn fitted(names: &[String], width: usize) -> String {
    let full = names.join(", ");
    match names {
        [first, rest @ ..] if full.chars().count() > width && !rest.is_empty() => {
            cut(&format!("{first} +{}", rest.len()), width)
        }
        _ => cut(&full, width),
    }
}

/// What fits of a text.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

#[cfg(test)]
mod tests;
