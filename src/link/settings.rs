//! A link's properties as a result file states them.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    LinkSpec,
    properties::{Column, columns},
};
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
    fn fits(&self, kind: &Self) -> bool {
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

/// One direction of a link: a value for every column of the property table, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSettings(Vec<Setting>);

impl LinkSettings {
    /// The settings of `spec`.
    pub fn of(spec: &LinkSpec) -> Self {
        Self(columns().map(|column| (column.value)(spec)).collect())
    }

    /// Columns and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Column, &Setting)> {
        columns().zip(&self.0)
    }

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
        let mut named = self.iter().filter(|(column, _)| column.name == name);
        named.next().map_or(&Setting::Off, |(_, value)| value)
    }
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self::of(&LinkSpec::default())
    }
}

impl Serialize for LinkSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (column, value) in self.iter() {
            map.serialize_entry(column.name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for LinkSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Columns)
    }
}

/// Reads the columns of the table. Unknown fields are skipped, as everywhere in a result file.
struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = LinkSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one direction of a link")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LinkSettings, A::Error> {
        let mut values: Vec<Option<Setting>> = columns().map(|_| None).collect();
        while let Some(name) = map.next_key::<String>()? {
            let Some((place, column)) = columns().enumerate().find(|(_, column)| column.name == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<Setting>()?;
            let may_be_off = column.is_optional() && value == Setting::Off;
            if !may_be_off && !value.fits(&column.kind) {
                return Err(A::Error::custom(format_args!("invalid value for `{name}`")));
            }
            values[place] = Some(value);
        }
        let missing = |column: &Column| A::Error::missing_field(column.name);
        let all = columns().zip(values).map(|(column, value)| match value {
            Some(value) => Ok(value),
            None if column.is_optional() => Ok(Setting::Off),
            None => Err(missing(column)),
        });
        Ok(LinkSettings(all.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &str) -> LinkSettings {
        let mut spec = LinkSpec::default();
        spec.apply_pairs(pairs).unwrap();
        LinkSettings::of(&spec)
    }

    #[test]
    fn what_is_written_is_read_back() {
        for pairs in [
            "delay=25ms",
            "jitter=5ms:pareto,keep-order,loss=gilbert:1%:25%,loss-by=time:2ms",
            "rate=20mbit,queue=128KB,reorder=1%,duplicate=100%,corrupt=0.1%,mtu=576",
        ] {
            let settings = settings(pairs);
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<LinkSettings>(&json).unwrap(), settings, "{json}");
        }
    }

    #[test]
    fn a_field_of_another_type_and_one_that_is_missing_are_refused() {
        let json = serde_json::to_value(settings("delay=25ms,reorder=1%")).unwrap();
        let read = |change: fn(&mut serde_json::Map<String, serde_json::Value>)| {
            let mut changed = json.as_object().unwrap().clone();
            change(&mut changed);
            serde_json::from_value::<LinkSettings>(changed.into())
        };
        assert!(read(|fields| fields["delay_ns"] = "25ms".into()).is_err());
        assert!(read(|fields| fields["delay_ns"] = serde_json::Value::Null).is_err());
        assert!(read(|fields| fields["jitter_ns"] = true.into()).is_err());
        assert!(read(|fields| drop(fields.remove("mtu_bytes"))).is_err());
        assert!(read(|fields| drop(fields.remove("jitter_ns"))).is_ok());
        assert!(read(|fields| drop(fields.insert("from_the_future".to_owned(), 1.into()))).is_ok());
        assert_eq!(
            read(|fields| fields["reorder_ratio"] = 1.into()).unwrap().ratio("reorder_ratio"),
            Some(1.0)
        );
    }
}
