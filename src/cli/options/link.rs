//! The options that describe the link.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::cli::{usage::UsageError, values::single};
use wirelab::{
    link::{LinkOptions, LinkSpec, PROPERTIES, Preset, Property, Takes, ValueError},
    unit::PerDirection,
};

/// The emulated link. Lists make a matrix.
#[derive(Debug, Clone)]
pub(crate) struct LinkArgs(LinkOptions);

const HEADING: &str = "More of the link (commas separate values, and lists make a matrix)";

impl Args for LinkArgs {
    fn augment_args(command: Command) -> Command {
        let rtt = list("rtt", "TIME,..").help("Round trip without queueing, split evenly [default: 50ms]");
        // A file and the command line may each give this option. Their pairs are then read as one list.
        let pairs = |key| Arg::new(key).long(key).value_name("KEY=VALUE,..").action(ArgAction::Append);
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
        let pairs = |key| Some(values(key).join(",")).filter(|_| matches.contains_id(key));
        let all = PROPERTIES.iter().map(|property| (property, of(property)));
        // In the order of the property table.
        Ok(Self(LinkOptions {
            rtt: values("rtt"),
            given: all.filter(|(_, values)| !values.is_empty()).collect(),
            to_server: pairs(TO_SERVER),
            to_client: pairs(TO_CLIENT),
            preset: matches.get_one(PRESET).copied(),
        }))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// An option of a command for one link only, which takes no lists.
#[cfg(real_time)]
pub(crate) fn of_one_link(arg: Arg) -> Arg {
    let arg = match arg.get_help_heading() {
        Some(HEADING) => arg.help_heading("More of the link"),
        _ => arg,
    };
    let property = PROPERTIES.iter().find(|property| arg.get_id() == property.key());
    match property.map(|property| &property.takes) {
        Some(Takes::List(name)) => arg.value_name(name.trim_end_matches(",..")),
        None if arg.get_id() == "rtt" => arg.value_name("TIME"),
        _ => arg,
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
pub(crate) const PRESET: &str = "preset";

/// Whether this is an option that takes pairs of a property and its value, for one direction.
pub(crate) fn has_pairs(name: &str) -> bool {
    [TO_SERVER, TO_CLIENT].contains(&name)
}

/// The named links and where their figures are from, for the end of a help text.
pub(crate) fn presets() -> String {
    let line = |preset: Preset| {
        format!("  {:<10} {}\n             {}\n", preset.name(), preset.words(), preset.source())
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
            ("--to-server", self.0.to_server.is_some()),
            ("--to-client", self.0.to_client.is_some()),
            ("--preset", self.0.preset.is_some()),
        ];
        let rtt = (!self.0.rtt.is_empty()).then_some("--rtt");
        let properties = self.0.given.iter().map(|(property, _)| property.option);
        let others = others.into_iter().filter_map(|(option, given)| given.then_some(option));
        rtt.into_iter().chain(properties).chain(others).next()
    }

    /// Replaces the defaults by a bottleneck without loss on the wire, unless there is a preset.
    pub(crate) fn default_to_bottleneck(&mut self) {
        let values = [("loss", "0%"), ("rate", "20mbit"), ("queue", "1bdp")];
        let is_given = |key: &str| self.0.given.iter().any(|(property, _)| property.key() == key);
        let properties =
            PROPERTIES.iter().filter(|property| self.0.preset.is_none() && !is_given(property.key()));
        let defaults = properties.filter_map(|property| {
            let (_, value) = values.iter().find(|(key, _)| *key == property.key())?;
            Some((property, vec![(*value).to_owned()]))
        });
        let defaults: Vec<_> = defaults.collect();
        self.0.given.extend(defaults);
    }

    /// Every link that the options describe, each as its two directions.
    pub(crate) fn links(&self) -> Result<Vec<PerDirection<LinkSpec>>, UsageError> {
        Ok(self.0.links()?)
    }

    /// The only link that the options describe, as its two directions.
    #[cfg(real_time)]
    pub(crate) fn only_link(&self) -> Result<PerDirection<LinkSpec>, UsageError> {
        Ok(self.0.only_link()?)
    }
}
