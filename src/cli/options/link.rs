//! The options that describe the link.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::cli::{usage::UsageError, values::single};
use wirelab::{
    link::{LinkSpec, PROPERTIES, Preset, Property, SpecError, Takes, ValueError, resolve_queues},
    unit::{Direction, PerDirection, format_duration, parse_duration},
};

/// The emulated link. Lists make a matrix.
#[derive(Debug, Clone)]
pub(crate) struct LinkArgs {
    rtt: Vec<String>,
    /// The values of each property that was given, in the order of the property table.
    given: Vec<(&'static Property, Vec<String>)>,
    to_server: Option<String>,
    to_client: Option<String>,
    preset: Option<Preset>,
}

const HEADING: &str = "More of the link (commas separate the values of a list, and lists make a matrix)";

impl Args for LinkArgs {
    fn augment_args(command: Command) -> Command {
        let rtt = list("rtt", "TIME,..").help("Round trip without queueing, split evenly [default: 50ms]");
        let pairs = |key| Arg::new(key).long(key).value_name("KEY=VALUE,..");
        let command = command
            .arg(rtt.conflicts_with("delay").help_heading(None::<&str>))
            .args(PROPERTIES.iter().map(|property| option(property).help_heading(heading(property))));
        let others = [
            pairs(TO_SERVER).help("What differs on the way to the server, such as \"loss=2%,delay=10ms\""),
            pairs(TO_CLIENT).help("What differs on the way to the client"),
            Arg::new(PRESET).long(PRESET).value_name("NAME").value_parser(preset).help(
                "A named link: lan, dsl, wifi, lte, 3g, satellite (see --help for their sources); other options change it",
            ),
        ];
        command.args(others.map(|arg| arg.help_heading(HEADING)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LinkArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = |key| matches.get_many::<String>(key).into_iter().flatten().cloned().collect::<Vec<_>>();
        let of = |property: &'static Property| match property.takes {
            Takes::Nothing if matches.get_flag(property.key()) => vec!["true".to_owned()],
            Takes::Nothing => Vec::new(),
            Takes::List(_) | Takes::One(_) => values(property.key()),
        };
        let all = PROPERTIES.iter().map(|property| (property, of(property)));
        Ok(Self {
            rtt: values("rtt"),
            given: all.filter(|(_, values)| !values.is_empty()).collect(),
            to_server: matches.get_one(TO_SERVER).cloned(),
            to_client: matches.get_one(TO_CLIENT).cloned(),
            preset: matches.get_one(PRESET).copied(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The help heading of a property. Loss has none, so that it appears among the first options: most people need it.
fn heading(property: &Property) -> Option<&'static str> {
    (property.key() != "loss").then_some(HEADING)
}

/// The option of a property.
fn option(property: &Property) -> Arg {
    let key = property.key();
    let option = match property.takes {
        Takes::List(name) => list(key, name),
        Takes::One(name) => Arg::new(key).long(key).value_name(name).value_parser(single),
        Takes::Nothing => Arg::new(key).long(key).action(ArgAction::SetTrue),
    };
    option.help(property.help)
}

fn list(key: &'static str, name: &'static str) -> Arg {
    Arg::new(key).long(key).value_name(name).value_delimiter(',').action(ArgAction::Append)
}

const TO_SERVER: &str = "to-server";
const TO_CLIENT: &str = "to-client";
const PRESET: &str = "preset";
/// The loss where none is asked for and no preset says otherwise.
const DEFAULT_LOSS: &str = "1%";
const DEFAULT_RTT: &str = "50ms";

/// The named links and where their figures are from, for the end of a help text.
pub(crate) fn presets() -> String {
    let line = |preset: Preset| {
        let to_client = preset.spec(Direction::ToClient);
        let to_server = preset.spec(Direction::ToServer);
        let rate = |spec: &LinkSpec| spec.rate.map_or("unlimited".to_owned(), |rate| rate.to_string());
        format!(
            "  {:<10} {} down, {} up, {} round trip\n             {}\n",
            preset.name(),
            rate(&to_client),
            rate(&to_server),
            format_duration(to_client.delay + to_server.delay),
            preset.source(),
        )
    };
    let lines: String = Preset::ALL.into_iter().map(line).collect();
    format!(
        "Presets, each with a queue of one bandwidth-delay product (50 packets at least) and no loss:\n{lines}"
    )
}

fn preset(name: &str) -> Result<Preset, String> {
    // clap's line begins with the invalid value.
    name.parse::<Preset>().map_err(|error| match error {
        ValueError::Form { forms, .. } => format!("expected {forms}"),
        other => other.to_string(),
    })
}

impl LinkArgs {
    /// The first option that was given, in the order of the help text.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let others = [
            ("--to-server", self.to_server.is_some()),
            ("--to-client", self.to_client.is_some()),
            ("--preset", self.preset.is_some()),
        ];
        let rtt = (!self.rtt.is_empty()).then_some("--rtt");
        let properties = self.given.iter().map(|(property, _)| property.option);
        let others = others.into_iter().filter_map(|(option, given)| given.then_some(option));
        rtt.into_iter().chain(properties).chain(others).next()
    }

    /// Gives the properties that no option names a value, each by its key, unless there is a preset.
    pub(crate) fn default_to(&mut self, values: &[(&str, &str)]) {
        let is_given = |key: &str| self.given.iter().any(|(property, _)| property.key() == key);
        let properties =
            PROPERTIES.iter().filter(|property| self.preset.is_none() && !is_given(property.key()));
        let defaults = properties.filter_map(|property| {
            let (_, value) = values.iter().find(|(key, _)| *key == property.key())?;
            Some((property, vec![(*value).to_owned()]))
        });
        let defaults: Vec<_> = defaults.collect();
        self.given.extend(defaults);
    }

    /// The options as they were given, each after a space.
    pub(crate) fn as_given(&self) -> String {
        let option = |name: &str, values: &[String]| match values {
            [] => String::new(),
            [flag] if flag == "true" => format!(" {name}"),
            values => format!(" {name} {}", values.join(",")),
        };
        let properties = self.given.iter().map(|(property, values)| option(property.option, values));
        let one = |name, value: Option<String>| option(name, value.as_slice());
        let others = [
            one("--to-server", self.to_server.clone()),
            one("--to-client", self.to_client.clone()),
            one("--preset", self.preset.map(|preset| preset.name().to_owned())),
        ];
        std::iter::once(option("--rtt", &self.rtt)).chain(properties).chain(others).collect()
    }

    /// Every link that the options ask for, each as its two directions.
    pub(crate) fn links(&self) -> Result<Vec<PerDirection<LinkSpec>>, UsageError> {
        let base = |direction| self.preset.map_or_else(LinkSpec::default, |preset| preset.spec(direction));
        let mut links = vec![PerDirection::from_fn(base)];
        for property in PROPERTIES {
            links = product(&links, property.key(), &self.values(property.key())?)?;
        }
        let ways = [
            (Direction::ToServer, "--to-server", self.to_server.as_deref()),
            (Direction::ToClient, "--to-client", self.to_client.as_deref()),
        ];
        let of = |option: &str, error: SpecError| UsageError::new(format!("{option}: {error}"));
        for link in &mut links {
            for (way, option, pairs) in ways {
                let changed = pairs.map_or(Ok(()), |pairs| link[way].apply_pairs(pairs));
                changed.map_err(|error| of(option, error))?;
            }
            resolve_queues(link);
            for (way, option, pairs) in ways {
                let valid = link[way].validate();
                valid.map_err(|error| if pairs.is_some() { of(option, error) } else { error.into() })?;
            }
        }
        Ok(links)
    }

    /// The values of one property: those given, or else the default unless a preset says otherwise.
    fn values(&self, key: &str) -> Result<Vec<String>, UsageError> {
        if let Some((_, values)) = self.given.iter().find(|(property, _)| property.key() == key) {
            return Ok(values.clone());
        }
        match key {
            "delay" if !self.rtt.is_empty() => self.rtt.iter().map(|rtt| half(rtt)).collect(),
            "delay" if self.preset.is_none() => Ok(vec![half(DEFAULT_RTT)?]),
            "loss" if self.preset.is_none() => Ok(vec![DEFAULT_LOSS.to_owned()]),
            _ => Ok(Vec::new()),
        }
    }
}

/// Every link of `links` with every value of one property; without values, `links` as they are.
fn product(
    links: &[PerDirection<LinkSpec>],
    key: &str,
    values: &[String],
) -> Result<Vec<PerDirection<LinkSpec>>, SpecError> {
    if values.is_empty() {
        return Ok(links.to_vec());
    }
    let mut all = Vec::with_capacity(links.len() * values.len());
    for link in links {
        for value in values {
            let mut link = link.clone();
            for direction in &mut link {
                direction.set(key, value)?;
            }
            all.push(link);
        }
    }
    Ok(all)
}

/// Half of a round trip, as it would be written for --delay.
fn half(rtt: &str) -> Result<String, UsageError> {
    let rtt: Duration = parse_duration(rtt).map_err(|e| UsageError::new(format!("--rtt: {e}")))?;
    let longest = LinkSpec::LONGEST * 2;
    if rtt > longest {
        return Err(SpecError::TooLong { option: "rtt", longest }.into());
    }
    Ok(format_duration(rtt / 2))
}
