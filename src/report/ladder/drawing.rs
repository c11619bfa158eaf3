//! Draws the rows of a ladder.

use super::{
    bars::Bars,
    fit::{cut, fitted},
    marks::Marks,
    rows::Row,
    words::{self, Clock},
};
use crate::report::{
    model::episode::{Carries, End, Episode, Packet, Resent},
    terminal::{BOLD, CYAN, DIM, RED, YELLOW, painted},
};

/// An instant, right-aligned, and a space.
pub(super) const INSTANT: usize = 9;
/// The two lifelines.
pub(super) const LIVES: usize = 2;

/// A part of a line and its colour.
type Part = (String, &'static str);

pub(super) struct Drawing<'a> {
    pub(super) episode: &'a Episode,
    pub(super) marks: Marks,
    pub(super) clock: Clock,
    /// Columns between the lifelines.
    pub(super) arrow: usize,
    pub(super) bars: Bars,
    pub(super) colour: bool,
}

impl Drawing<'_> {
    /// The titles of the columns.
    pub(super) fn heading(&self) -> String {
        let waiting = if self.bars.width() == 0 { "" } else { "  waiting" };
        let between = " ".repeat(self.arrow + LIVES);
        self.line(("client", "server"), (between, BOLD), waiting.to_owned())
    }

    /// A row with its arrow and its bars.
    pub(super) fn row(&self, index: usize, row: &Row<'_>) -> String {
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

    /// A row of a drawing that shares its column of times with others: a packet, or only the lifelines and bars.
    pub(super) fn panel(&self, index: usize, row: Option<&Row<'_>>) -> String {
        let life = self.marks.life;
        let (bars, (arrow, colour)) = match row {
            Some(Row::Packet(packet)) => (self.bars.draw(index, &self.marks), self.arrow(packet)),
            Some(Row::LeftOut(packets, _)) => {
                let note = cut(&format!("{packets} packets left out"), self.arrow);
                (self.bars.draw(index, &self.marks), (format!("{note:^0$}", self.arrow), DIM))
            }
            None => (self.bars.between(index, &self.marks), (" ".repeat(self.arrow), "")),
        };
        let bars = format!("{bars:0$}", self.bars.width());
        self.painted([(format!("{life}{arrow}{life}"), colour), (bars, CYAN)])
    }

    /// When a packet was at an end; empty if it never was.
    fn instant(&self, packet: &Packet, end: End) -> String {
        if packet.lost && packet.from != end { String::new() } else { self.clock.show(packet.at(end)) }
    }

    /// The arrow between the lifelines.
    fn arrow(&self, packet: &Packet) -> Part {
        let marks = &self.marks;
        let is_pure = packet.carries.is_empty();
        let line = if is_pure { marks.thin } else { marks.line };
        // The arrow of a lost packet stops on the way.
        let length = if packet.lost { self.arrow * 3 / 4 } else { self.arrow };
        let shaft = length - 1;
        let label = label(packet, shaft.saturating_sub(4));
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
            _ if is_pure => DIM,
            _ if packet.carries.iter().any(|message| message.again) => YELLOW,
            _ => "",
        };
        (arrow, colour)
    }

    /// Joins the parts of a line. The bars stand beside the end at which messages wait.
    fn line(&self, (client, server): (&str, &str), arrow: Part, bars: String) -> String {
        let bars = format!("{bars:0$}", self.bars.width());
        let instant = INSTANT - 1;
        let client: Part = (format!("{client:>instant$} "), "");
        let server: Part = (format!(" {server:>instant$}"), "");
        let parts = match self.episode.at {
            End::Server => [client, arrow, server, (bars, CYAN)],
            End::Client => [client, (bars, CYAN), arrow, server],
        };
        let mut line = self.painted(parts);
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }

    fn painted<const N: usize>(&self, parts: [Part; N]) -> String {
        let paint = |(part, colour): Part| {
            painted(&part, if self.colour && !part.trim().is_empty() { colour } else { "" })
        };
        parts.into_iter().map(paint).collect()
    }
}

/// The messages of a packet, in at most `width` columns.
fn label(Packet { carries, resent, .. }: &Packet, width: usize) -> String {
    let again = if *resent == Some(Resent::Needless) { "needless" } else { "again" };
    let name = |carries: &Carries| {
        let number = carries.message.number;
        if carries.again { format!("#{number} {again}") } else { words::message(carries.message) }
    };
    if carries.is_empty() {
        return " ack ".to_owned();
    }
    let names: Vec<String> = carries.iter().map(name).collect();
    format!(" {} ", fitted(&names, width.saturating_sub(2)))
}
