//! What a link property says of itself: its option, its columns, its words, and its effect on packets.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    LinkSettings, LinkSpec, Setting, SpecError, ValueError,
    effects::{Effect, Generators},
};
use crate::unit::{Share, parse_duration, shown};

/// A property of one direction of a link.
#[derive(Debug)]
pub struct Property {
    /// The option of the command line, dashes included.
    pub option: &'static str,
    /// What the option takes.
    pub takes: Takes,
    /// The option's help.
    pub help: &'static str,
    /// Reads a value into a link.
    pub(super) parse: fn(&mut LinkSpec, &str) -> Result<(), ValueError>,
    /// Checks its value, also against other properties.
    pub(super) check: fn(&LinkSpec) -> Result<(), SpecError>,
    pub(super) columns: &'static [Column],
    /// What a page says of it; nothing where the effect is off.
    pub(super) words: fn(&LinkSettings) -> Vec<Word>,
    /// Why closed forms for isolated losses do not hold with it.
    pub(super) obstacle: fn(&LinkSpec) -> Option<Obstacle>,
    /// What it draws for each packet; `None` where the effect is off.
    pub(super) effect: fn(&LinkSpec, &mut Generators) -> Option<Box<dyn Effect>>,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A list of values, one link each; the name stands in the help text.
    List(&'static str),
    /// One value.
    One(&'static str),
    /// Nothing: the option is the value `true`.
    Nothing,
}

/// A field of a result file.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name.
    pub name: &'static str,
    /// A value of its type.
    pub(super) kind: Setting,
    pub(super) value: fn(&LinkSpec) -> Setting,
    optional: bool,
}

/// The type of a column with whole numbers.
pub(super) const COUNT: Setting = Setting::Count(0);
/// The type of a column with shares of packets.
pub(super) const SHARE: Setting = Setting::Share(0.0);
/// The type of a column with text.
pub(super) const TEXT: Setting = Setting::Text(String::new());

impl Column {
    pub(super) const fn new(name: &'static str, kind: Setting, value: fn(&LinkSpec) -> Setting) -> Self {
        Self { name, kind, value, optional: false }
    }

    /// One that is null where the effect is off.
    pub(super) const fn optional(name: &'static str, kind: Setting, value: fn(&LinkSpec) -> Setting) -> Self {
        Self { name, kind, value, optional: true }
    }

    /// Whether it may be null.
    pub(super) fn is_optional(&self) -> bool {
        self.optional
    }
}

/// A part of a phrase. How figures are written is the page's business.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    /// Literal text.
    Text(&'static str),
    /// Text from a result file.
    Quoted(String),
    /// Nanoseconds.
    Time(u64),
    /// Bits per second.
    Rate(u64),
    /// A share of packets.
    Share(f64),
    /// A whole number.
    Count(u64),
    /// A number of packets.
    Packets(u64),
}

/// Why the closed forms for isolated losses do not hold, the most important reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Obstacle {
    /// Packets wait at a bottleneck.
    Queueing,
    /// Packets overtake each other.
    Overtaking,
    /// Packets are corrupted or duplicated.
    Damage,
}

impl Obstacle {
    /// The reason in words.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Queueing => "a bottleneck's queue delays messages too",
            Self::Overtaking => "packets overtake each other",
            Self::Damage => "packets are corrupted or doubled",
        }
    }
}

impl Property {
    /// One that is always valid, draws nothing, adds no words, and leaves closed forms alone: what most rows are.
    pub(super) const PLAIN: Self = Self {
        option: "",
        takes: Takes::Nothing,
        help: "",
        parse: |_, _| Ok(()),
        check: |_| Ok(()),
        columns: &[],
        words: |_| Vec::new(),
        obstacle: |_| None,
        effect: |_, _| None,
    };

    /// The key of [`LinkSpec::set`]: the option without its dashes.
    pub fn key(&self) -> &'static str {
        self.option.trim_start_matches('-')
    }

    /// The fields of a result file, which are the columns of CSV too.
    pub(crate) fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// The phrase for a page, of this property alone.
    pub(crate) fn words(&self, settings: &LinkSettings) -> Vec<Word> {
        (self.words)(settings)
    }
}

/// Sets `field`, if `value` is valid.
pub(super) fn set<T, E: Into<ValueError>>(field: &mut T, value: Result<T, E>) -> Result<(), ValueError> {
    *field = value.map_err(Into::into)?;
    Ok(())
}

/// Parses `value`; `none` turns the effect off.
pub(super) fn unless_none<T>(
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    if value == "none" { Ok(None) } else { parse(value).map(Some) }
}

/// Parses `true` or `false`.
pub(super) fn flag(text: &str) -> Result<bool, ValueError> {
    text.parse().map_err(|_| ValueError::Form { text: shown(text), forms: "true or false" })
}

/// Parses a time in `range`, which `forms` describes.
pub(super) fn time_within(
    text: &str,
    range: RangeInclusive<Duration>,
    forms: &'static str,
) -> Result<Duration, ValueError> {
    let time = parse_duration(text)?;
    if range.contains(&time) { Ok(time) } else { Err(ValueError::Form { text: shown(text), forms }) }
}

/// The share in `column` and `what` it is; nothing if the share is 0.
pub(super) fn share_words(settings: &LinkSettings, column: &str, what: &'static str) -> Vec<Word> {
    let share = settings.ratio(column).filter(|share| *share > 0.0);
    share.map_or_else(Vec::new, |share| vec![Word::Share(share), Word::Text(what)])
}

/// The obstacle, unless `share` is 0.
pub(super) fn unless_zero(share: Share, obstacle: Obstacle) -> Option<Obstacle> {
    (!share.is_zero()).then_some(obstacle)
}
