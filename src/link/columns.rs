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
            "rate=20mbit,queue=128KB,reorder=1%,duplicate=100%,corrupt=0.1%,replay=2%,inject=3%,mtu=576",
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
