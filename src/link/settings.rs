//! A link's properties as a result file states them.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::unit::rounded;

/// One value of a result file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// Null: the effect is off, or has no such figure.
    Off,
    /// True or false.
    Flag(bool),
    /// Nanoseconds, bytes, packets or bits per second.
    Count(u64),
    /// A share of packets, rounded to six decimals.
    Share(f64),
    /// A name, or a value as the command line spells it.
    Text(String),
}

impl Setting {
    /// A share of packets; off if it is 0.
    pub(super) fn share(ratio: f64) -> Self {
        if ratio > 0.0 { Self::rounded(ratio) } else { Self::Off }
    }

    /// A share of packets; off if it is undefined.
    pub(super) fn rounded(ratio: f64) -> Self {
        rounded(ratio).map_or(Self::Off, Self::Share)
    }

    /// Whether a column of this kind may hold `self`. JSON does not tell a whole share from a count.
    pub(super) fn fits(&self, kind: &Self) -> bool {
        match (self, kind) {
            (Self::Count(_), Self::Share(_)) => true,
            _ => std::mem::discriminant(self) == std::mem::discriminant(kind),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => Ok(()),
            Self::Flag(flag) => flag.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<u64> for Setting {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Setting {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Off, Into::into)
    }
}

/// One direction of a link: names and values of the columns of the property table, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSettings(pub(super) Vec<(&'static str, Setting)>);

impl LinkSettings {
    /// A number of the column `name`.
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Setting::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// A share of the column `name`.
    pub fn ratio(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Setting::Share(share) => Some(*share),
            Setting::Count(whole) => Some(*whole as f64),
            _ => None,
        }
    }

    /// The text of the column `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the column `name` holds true.
    pub fn is_set(&self, name: &str) -> bool {
        *self.get(name) == Setting::Flag(true)
    }

    /// The value of the column `name`; off if there is no such column.
    pub fn get(&self, name: &str) -> &Setting {
        let named = self.0.iter().find(|(column, _)| *column == name);
        named.map_or(&Setting::Off, |(_, value)| value)
    }
}

impl Serialize for LinkSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
