//! The parts of a page: what is said, before any renderer draws it.
//!
//! Text, Markdown and later renderers fold the same blocks, so none of them says less than another.
//! Sentences hold code in backticks and no other markup. Text from a file has no control characters.

use super::{
    figure::Figure,
    group::Group,
    model::{Flag, ResultFile, Skipped, episode::Episode},
};

/// A part of a page.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    /// Applies to everything below.
    Warning(&'static str),
    /// Begins a group of rows. A paragraph that describes the group follows.
    Heading(String),
    /// One or more sentences.
    Paragraph(String),
    /// Independent sentences, without a full stop.
    List(Vec<String>),
    /// Figures by row.
    Table(Table),
    /// Words in rows of equal length. The first row has the titles; the others begin with a label.
    Grid(Vec<Vec<String>>),
    /// Bars made of letters, in the last of several words of each row, for formats without charts.
    Bars { title: String, rows: Vec<Vec<String>> },
    /// Definitions of terms in the tables above.
    Terms(Vec<Term>),
    /// What limits the rows of a group.
    Flags(Vec<Flagged>),
    /// What was asked for and not measured.
    Skipped(Vec<&'a Skipped>),
    /// Charts of the rows of a group. Their figures are in tables too.
    Charts(Group<'a>),
    /// Episodes, packet by packet.
    Ladders(&'a [Episode]),
    /// Charts over the options that have a list of values.
    Curves(&'a ResultFile),
    /// How to see more. Only text shows it, because the other formats leave nothing out.
    Hint(&'static str),
    /// A command line to type.
    Command(String),
    /// One episode, or two side by side. Unlike `Ladders`, text and Markdown draw it too.
    Ladder(&'a [Episode]),
    /// Figures over the values of an option, for formats without charts.
    Curve(Curve),
    /// Every point of a list on its own. Text shows it only with `--details`.
    Details(Vec<Block<'a>>),
}

/// Figures over the values of an option, a line per transport.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    /// The figure and the option, such as `blocked by loss`.
    pub(crate) title: String,
    /// The values of the option, and their positions on the axis.
    pub(crate) values: Vec<(String, f64)>,
    pub(crate) lines: Vec<Line>,
}

/// A line of a curve. It has a figure for each value, or `None` if the figure is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) figures: Vec<Option<Figure>>,
}

/// A term and its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) term: &'static str,
    pub(crate) meaning: &'static str,
}

/// A flag and the rows that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flagged {
    pub(crate) flag: Flag,
    pub(crate) rows: Vec<String>,
}

/// A table: a label on the left of each row, then its figures, aligned to the right.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) title: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// Of a table over several points: for each row, the index of its point in the list, and its label at that point.
    pub(crate) points: Option<Vec<(usize, String)>>,
}

/// The title of the column of labels.
pub(crate) const LABELS: &str = "transport";

/// A column with a figure, or none, for each row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) topic: Topic,
    pub(crate) figures: Vec<Option<Figure>>,
}

impl Column {
    /// The figure of a row as text; a dash if it is not known.
    pub(crate) fn text(&self, row: usize) -> String {
        self.figures[row].map_or_else(|| "-".to_owned(), |figure| figure.to_string())
    }
}

/// What a column is about. A table that is too wide is split between topics first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// How many messages arrived.
    Outcome,
    /// How many messages were delayed or blocked.
    Order,
    /// When messages arrived.
    Latency,
    /// Durations and rates of set-up, transfers and handshakes.
    Duration,
    /// Packets and bytes that it took.
    Cost,
    /// What a real network did. This topic and those below have tables of their own.
    Network,
    /// What the queue of an emulated bottleneck did.
    Queue,
    /// What blocked messages waited for.
    Blocking,
    /// Where the time went.
    Budget,
    /// What a closed form predicts.
    Theory,
    /// Losses on the link, compared with those that the senders declared.
    Truth,
    /// What a change of the client's address cost.
    Migration,
    /// How the senders detected losses.
    Detection,
    /// How first replies are distributed over connections.
    Replies,
    /// What a page waited for.
    Loading,
    /// Differences from another row, which is in the title of their table.
    Difference,
}

impl Topic {
    /// The title of the table of this topic; none for a topic of the main table.
    pub(crate) const fn table(self) -> Option<&'static str> {
        match self {
            Self::Outcome | Self::Order | Self::Latency | Self::Duration | Self::Cost | Self::Difference => {
                None
            }
            Self::Network => Some("What the network did"),
            Self::Queue => Some("How long packets waited at the bottleneck, and what its queue did to them"),
            Self::Blocking => Some("What blocked messages waited for, and how long"),
            Self::Budget => Some("Where the time went (mean per delivered message)"),
            Self::Theory => Some("Expected by theory (delay: mean recovery + order wait)"),
            Self::Truth => Some("Losses, and what was sent again for them (packets)"),
            Self::Migration => Some("When the client's address changed"),
            Self::Detection => {
                Some("How losses were found: lost + arrived after all (mean time until a loss was found)")
            }
            Self::Loading => {
                Some("What loads waited for: the last object, and those that it came after (means)")
            }
            Self::Replies => Some("Slow and failed first replies"),
        }
    }
}
