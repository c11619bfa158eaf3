//! From a link to its settings, and back from a result file, by the columns of the property table.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

use super::{Column, LinkSettings, LinkSpec, Setting, properties::columns};

impl LinkSettings {
    /// The settings of `spec`.
    pub fn of(spec: &LinkSpec) -> Self {
        Self(columns().map(|column| (column.name, (column.value)(spec))).collect())
    }
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self::of(&LinkSpec::default())
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
            Some(value) => Ok((column.name, value)),
            None if column.is_optional() => Ok((column.name, Setting::Off)),
            None => Err(missing(column)),
        });
        Ok(LinkSettings(all.collect::<Result<_, _>>()?))
    }
}
