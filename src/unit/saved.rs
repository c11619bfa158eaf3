//! Durations read from a file, bounded so that no sum of them overflows: a sum that does would end the program.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// The longest, 2,000 years: 2^28 of them have a sum.
const MAX: Duration = Duration::from_secs(1 << 36);

/// Reads a duration.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::deserialize(deserializer).and_then(bounded)
}

/// Reads a duration that may be missing.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Option::deserialize(deserializer)?.map(bounded).transpose()
}

/// Reads a list of durations.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    Vec::deserialize(deserializer)?.into_iter().map(bounded).collect()
}

fn bounded<E: Error>(duration: Duration) -> Result<Duration, E> {
    if duration <= MAX { Ok(duration) } else { Err(E::custom("a duration is out of range")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Saved {
        #[serde(deserialize_with = "duration")]
        one: Duration,
        #[serde(default, deserialize_with = "optional")]
        other: Option<Duration>,
        #[serde(deserialize_with = "list")]
        more: Vec<Duration>,
    }

    #[test]
    fn durations_whose_sums_overflow_are_refused_in_every_place() {
        let read = |text: &str| serde_json::from_str::<Saved>(text).map_err(|error| error.to_string());
        let long = r#"{"secs":68719476736,"nanos":0}"#;
        let longer = r#"{"secs":68719476736,"nanos":1}"#;
        for [one, other, more] in [[longer, "null", long], [long, longer, long], [long, long, longer]] {
            let error = read(&format!(r#"{{"one":{one},"other":{other},"more":[{more}]}}"#)).unwrap_err();
            assert!(error.contains("out of range"), "{error}");
        }
        let all = format!(r#"{{"one":{long},"more":[{long}]}}"#);
        assert_eq!(read(&all), Ok(Saved { one: MAX, other: None, more: vec![MAX] }));
    }
}
