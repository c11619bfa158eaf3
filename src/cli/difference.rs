//! What keeps two parts of a sweep from belonging together.

use std::fmt::Display;

use serde_json::{Map, Value, json};
use wirelab::{experiment::PartHeader, report::System};

/// A header, and the name of its file in messages.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    name: String,
    header: &'a PartHeader,
}

impl<'a> Named<'a> {
    pub(crate) fn new(name: impl Display, header: &'a PartHeader) -> Self {
        Self { name: name.to_string(), header }
    }
}

/// Longer values are not shown.
const SHOWN: usize = 60;

/// Why two parts do not belong together, if they do not.
pub(crate) fn difference(one: &Named<'_>, other: &Named<'_>) -> Option<String> {
    let (first, second) = (&one.name, &other.name);
    let groups = groups(one.header).into_iter().zip(groups(other.header));
    for ((kind, one), (_, other)) in groups {
        let Some(key) = first_difference(&one, &other) else { continue };
        let shown = |map: &Map<String, Value>| {
            let text = map.get(&key).map_or_else(|| "not given".to_owned(), Value::to_string);
            (text.len() <= SHOWN).then_some(text)
        };
        return Some(match (shown(&one), shown(&other)) {
            (Some(one), Some(other)) => format!("{kind}{key} is {one} in {first} and {other} in {second}"),
            _ => format!("{kind}{key}: not the same in {first} and {second}"),
        });
    }
    let (one, other) = (one.header, other.header);
    if one.has_samples != other.has_samples {
        let [with, without] = if one.has_samples { [first, second] } else { [second, first] };
        return Some(format!("{with} has samples, and {without} has none"));
    }
    let is_same = (&one.skipped, &one.paths) == (&other.skipped, &other.paths);
    (!is_same)
        .then(|| format!("the machines of {first} and {second} could not run the same transports and paths"))
}

/// What parts must have in common, by name. The text before each group begins the message about a difference in it.
fn groups(header: &PartHeader) -> [(&'static str, Map<String, Value>); 7] {
    let PartHeader { version, target, command, options, files, config, jobs, shard, system, .. } = header;
    let program = [("version", version), ("target", target), ("command", command)];
    let machine = system.as_ref().map(machine).unwrap_or_default();
    [
        ("the ", program.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()),
        ("the number of ", Map::from_iter([("parts".to_owned(), json!(shard.count))])),
        ("--", options.clone()),
        ("the contents of ", files.clone()),
        ("the configuration's ", config.clone()),
        ("the number of ", Map::from_iter([("runs".to_owned(), json!(jobs))])),
        ("they were measured in real time on different machines: ", machine),
    ]
}

/// What a result in real time depends on.
fn machine(system: &System) -> Map<String, Value> {
    let System { kernel, cores, crates, settings, .. } = system;
    let named = crates.iter().chain(settings).map(|(name, value)| (name.clone(), json!(value)));
    [("kernel".to_owned(), json!(kernel)), ("cores".to_owned(), json!(cores))]
        .into_iter()
        .chain(named)
        .collect()
}

/// The first key by name whose values differ.
pub(crate) fn first_difference(one: &Map<String, Value>, other: &Map<String, Value>) -> Option<String> {
    // As text: numbers that were read are equal to those that were written if they are written alike.
    let text = |value: Option<&Value>| value.map(Value::to_string);
    one.keys().chain(other.keys()).find(|key| text(one.get(*key)) != text(other.get(*key))).cloned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wirelab::experiment::{PART_SCHEMA, Shard};

    use super::*;

    fn header() -> PartHeader {
        let settings = BTreeMap::from([("rmem_max".to_owned(), "212992".to_owned())]);
        PartHeader {
            schema: PART_SCHEMA.to_owned(),
            version: "1.2.3".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            command: "bench".to_owned(),
            options: Map::new(),
            files: Map::new(),
            config: Map::new(),
            skipped: Vec::new(),
            paths: vec!["relay".to_owned()],
            system: Some(System {
                kernel: "Linux 6.1".to_owned(),
                cores: 2,
                crates: BTreeMap::new(),
                settings,
                lateness_ns: None,
                dropped_packets: None,
                send_errors: None,
            }),
            jobs: 4,
            has_samples: true,
            shard: Shard { index: 1, count: 2 },
        }
    }

    /// What is said of a header that was changed.
    fn said(change: impl FnOnce(&mut PartHeader)) -> String {
        let one = header();
        let mut other = header();
        change(&mut other);
        difference(&Named::new("a.part", &one), &Named::new("b.part", &other)).unwrap_or_default()
    }

    #[test]
    fn a_difference_is_named_with_the_value_of_each_file() {
        assert_eq!(said(|header| header.shard.index = 2), "");
        assert_eq!(said(|header| header.jobs = 8), "the number of runs is 4 in a.part and 8 in b.part");
        let musl = said(|header| header.target = "x86_64-unknown-linux-musl".to_owned());
        assert_eq!(
            musl,
            "the target is \"x86_64-unknown-linux-gnu\" in a.part and \"x86_64-unknown-linux-musl\" in b.part"
        );
        assert_eq!(said(|header| header.has_samples = false), "a.part has samples, and b.part has none");
    }

    #[test]
    fn a_difference_of_machines_names_what_differs() {
        let machines = "they were measured in real time on different machines: ";
        let cores = said(|header| header.system.as_mut().unwrap().cores = 4);
        assert_eq!(cores, format!("{machines}cores is 2 in a.part and 4 in b.part"));
        let setting = said(|header| {
            header.system.as_mut().unwrap().settings.insert("rmem_max".to_owned(), "4096".to_owned());
        });
        assert_eq!(setting, format!("{machines}rmem_max is \"212992\" in a.part and \"4096\" in b.part"));
    }

    #[test]
    fn a_long_value_is_not_shown() {
        let links = said(|header| {
            header.config.insert("links".to_owned(), json!(vec!["a long description"; 9]));
        });
        assert_eq!(links, "the configuration's links: not the same in a.part and b.part");
    }
}
