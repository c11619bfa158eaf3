//! Options from several sources: which of them win.

use std::collections::BTreeMap;

use clap::{Arg, Command};
use wirelab::link::{LinkSpec, SpecError};

use super::{
    given,
    given::Options,
    negation,
    options::link::{LinkArgs, PRESET, has_pairs},
};

/// The options of a command line, and below them those of files.
pub(super) struct Layers<'a> {
    command: &'a Command,
    command_line: Options,
    /// Each file as messages name it, with those of its options that no higher layer replaces. The highest is first.
    files: Vec<(String, Options)>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(command: &'a Command, command_line: Options) -> Self {
        Self { command, command_line, files: Vec::new() }
    }

    /// Adds the options of a file, below all others.
    pub(super) fn add(&mut self, origin: String, options: Options) {
        let left = |(name, values): (String, Vec<String>)| {
            let left = self.left(&name, values)?;
            Some((name, left))
        };
        let left = options.into_iter().filter_map(left).collect();
        self.files.push((origin, left));
    }

    /// The options of the files, and what set each that the command line does not have.
    pub(super) fn of_files(self) -> (Options, BTreeMap<String, String>) {
        let (mut all, mut origins) = (Options::new(), BTreeMap::new());
        for (origin, options) in self.files.into_iter().rev() {
            for (name, values) in options {
                if !self.command_line.contains_key(&name) {
                    origins.insert(name.clone(), origin.clone());
                }
                // Only options with pairs can be in two layers.
                all.entry(name).or_default().extend(values);
            }
        }
        (all, origins)
    }

    /// What is left of an option below the layers so far; nothing if they replace it.
    ///
    /// A property for both directions replaces the same property of one direction, because it is what the link is to
    /// have. Pairs for one direction replace only those of the same direction.
    fn left(&self, name: &str, values: Vec<String>) -> Option<Vec<String>> {
        let option = self.option(name)?;
        if self.has(PRESET) && given::is_of::<LinkArgs>(option) {
            return None;
        }
        if !has_pairs(name) {
            let needs_none = self.removes_rate("rate") && values.iter().any(|value| needs_rate(name, value));
            return (!self.replaces(option) && !needs_none).then_some(values);
        }
        let is_free = |(key, value): &(&str, &str)| {
            let is_replaced = self.option(key).is_some_and(|option| self.replaces(option));
            let has_rate = !self.removes_rate("rate") && !self.removes_rate(name);
            !is_replaced
                && self.pairs(name).all(|(other, _)| other != *key)
                && (has_rate || !needs_rate(key, value))
        };
        let left_of = |text: String| match LinkSpec::pairs(&text).collect::<Result<Vec<_>, _>>() {
            Ok(pairs) => {
                let left = pairs.into_iter().filter(is_free).map(|(key, value)| format!("{key}={value}"));
                Some(left.collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty())
            }
            // The error is reported when the whole command line is parsed.
            Err(_) => Some(text),
        };
        let left: Vec<String> = values.into_iter().filter_map(left_of).collect();
        (!left.is_empty()).then_some(left)
    }

    /// Whether a layer has the option, or one that it cannot stand beside.
    fn replaces(&self, option: &Arg) -> bool {
        let excludes = |one: &Arg, other: &Arg| {
            let conflicts = self.command.get_arg_conflicts_with(one);
            conflicts.iter().any(|conflict| conflict.get_id() == other.get_id())
                || negation::negates(one, other)
        };
        let mut others = self.command.get_arguments().filter(|other| self.has(given::name(other)));
        others.any(|other| {
            other.get_id() == option.get_id() || excludes(option, other) || excludes(other, option)
        })
    }

    /// Whether `--rate` or the pairs for one direction make the rate unlimited.
    fn removes_rate(&self, name: &str) -> bool {
        let is_unlimited = |value: &str| {
            let mut link = LinkSpec::default();
            link.set("rate", value).is_ok() && link.rate.is_none()
        };
        match has_pairs(name) {
            true => self.pairs(name).any(|(key, value)| key == "rate" && is_unlimited(value)),
            false => self.has(name) && self.values(name).all(|value| is_unlimited(value)),
        }
    }

    /// The valid pairs of an option for one direction.
    fn pairs(&self, name: &str) -> impl Iterator<Item = (&'static str, &str)> {
        self.values(name).flat_map(|text| LinkSpec::pairs(text)).flatten()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &String> {
        self.layers().filter_map(move |options| options.get(name)).flatten()
    }

    fn has(&self, name: &str) -> bool {
        self.layers().any(|options| options.contains_key(name))
    }

    fn layers(&self) -> impl Iterator<Item = &Options> {
        [&self.command_line].into_iter().chain(self.files.iter().map(|(_, options)| options))
    }

    fn option(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_arguments().find(|option| given::name(option) == name)
    }
}

/// Whether a property is of no use without a rate, such as a queue.
fn needs_rate(key: &str, values: &str) -> bool {
    values.split(',').any(|value| {
        let mut link = LinkSpec::default();
        link.set(key, value).is_ok() && matches!(link.validate(), Err(SpecError::NeedsRate { .. }))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::{Cli, given::Given};

    /// What is left of files, the highest first, below a command line. Each is options with their values.
    fn left(command_line: &str, files: &[&str]) -> String {
        let mut all = Cli::command();
        all.build();
        let command = all.find_subcommand("bench").unwrap();
        let options = |line: &str| {
            let words = ["wirelab", "bench"].into_iter().chain(line.split_whitespace());
            let matches = Cli::command().try_get_matches_from(words).unwrap();
            Given::options(command, matches.subcommand_matches("bench").unwrap())
        };
        let mut layers = Layers::new(command, options(command_line));
        for file in files {
            layers.add((*file).to_owned(), options(file));
        }
        let (options, _) = layers.of_files();
        let arguments = Given::new("bench", options).arguments(command);
        arguments.iter().map(|argument| argument.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_command_line_replaces_the_same_property_of_both_directions() {
        let satellite =
            "--rtt=600ms --to-server=rate=2mbit,queue=1bdp --to-client=rate=20mbit,queue=1bdp --loss=0%";
        for (command_line, expected) in [
            (
                "",
                "--loss=0% --rtt=600ms --to-client=rate=20mbit,queue=1bdp --to-server=rate=2mbit,queue=1bdp",
            ),
            ("--rate=5mbit", "--loss=0% --rtt=600ms --to-client=queue=1bdp --to-server=queue=1bdp"),
            ("--rate=5mbit --queue=9p", "--loss=0% --rtt=600ms"),
            (
                "--to-server=queue=9p",
                "--loss=0% --rtt=600ms --to-client=rate=20mbit,queue=1bdp --to-server=rate=2mbit",
            ),
            ("--rate=unlimited", "--loss=0% --rtt=600ms"),
            ("--to-client=rate=unlimited", "--loss=0% --rtt=600ms --to-server=rate=2mbit,queue=1bdp"),
            ("--preset=lan", ""),
        ] {
            assert_eq!(left(command_line, &[satellite]), expected, "{command_line}");
        }
        assert_eq!(left("--rtt=1ms", &["--to-server=delay=9ms,loss=1%"]), "--to-server=loss=1%");
        assert_eq!(left("--no-ecn", &["--ecn --to-server=ecn,mtu=900"]), "--to-server=mtu=900");
        assert_eq!(left("--preset=lan", &["--seeds=3 --keep-order --loss=2%"]), "--seeds=3");
        assert_eq!(left("--loss=3%", &["--preset=lan"]), "--preset=lan");
        assert_eq!(left("--rate=unlimited", &["--queue=1bdp --rate=1mbit --aqm=pie"]), "");
        assert_eq!(left("--queue=unlimited", &["--queue=1bdp --rate=1mbit"]), "--rate=1mbit");
        // What is invalid is for the parser to refuse.
        assert_eq!(left("--loss=3%", &["--to-server=loss=1%,bogus"]), "--to-server=loss=1%,bogus");
    }

    #[test]
    fn a_file_wins_over_a_scenario_in_the_same_way() {
        let files = ["--to-server=loss=3%,mtu=900", "--to-server=loss=1%,queue=9p --rate=2mbit --loss=0%"];
        assert_eq!(
            left("--to-server=mtu=1000", &files),
            "--loss=0% --rate=2mbit --to-server=queue=9p --to-server=loss=3%"
        );
        assert_eq!(left("--loss=5%", &files), "--rate=2mbit --to-server=queue=9p --to-server=mtu=900");
        assert_eq!(left("", &["--preset=lan", files[1]]), "--preset=lan");
        assert_eq!(
            left("", &["--rate=unlimited", files[1]]),
            "--loss=0% --rate=unlimited --to-server=loss=1%"
        );
    }
}
