//! `wirelab scenarios`: named options, each with the source of its figures.

use std::{process::ExitCode, str::FromStr};

use anyhow::anyhow;
use clap::Args;
use toml::Table;

use super::{output::raw, width::text_width};
use wirelab::report::wrapped;

/// List the named scenarios, or print one as a file for --config
///
/// A scenario is a set of options for the link, with the source of its figures: access networks, and the settings of
/// published studies. bench, hol, handshake, transfer and share take it with `--scenario NAME`. Options on the command
/// line take precedence.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab scenarios
      the names
  wirelab scenarios lte
      its options and their source, as TOML
  wirelab bench --scenario lte --loss 1%
      the same link with another loss")]
pub(crate) struct Scenarios {
    /// The scenario to print
    #[arg(value_name = "NAME", value_parser = str::parse::<&'static Scenario>)]
    name: Option<&'static Scenario>,
}

/// A named set of options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// A file of options, as `--config` reads it. Its table `scenario` has a description and a source.
    pub(crate) text: &'static str,
}

macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        [$(Scenario { name: $name, text: include_str!(concat!("scenarios/", $name, ".toml")) }),*]
    };
}

/// All scenarios.
pub(crate) static SCENARIOS: [Scenario; 10] = scenarios![
    "data-centre",
    "interop-goodput",
    "korea-china",
    "congested-wifi",
    "lte",
    "transatlantic",
    "bbr-loss",
    "mexico-cellular",
    "geostationary",
    "lossy-satellite",
];

impl Scenario {
    /// The description, and the source of the figures.
    fn about(&self) -> Option<(String, String)> {
        let table: Table = self.text.parse().ok()?;
        let about = table.get("scenario")?.as_table()?;
        let text = |key: &str| about.get(key)?.as_str().map(str::to_owned);
        text("about").zip(text("source"))
    }
}

/// The names, for messages and the help.
pub(crate) fn names() -> String {
    SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}

impl FromStr for &'static Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| format!("unknown scenario `{name}`: expected {}", names()))
    }
}

impl Scenarios {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match self.name {
            Some(scenario) => scenario.text.to_owned(),
            None => list().ok_or_else(|| anyhow!("a scenario of this build has no description"))?,
        };
        raw(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn list() -> Option<String> {
    let width = SCENARIOS.iter().map(|scenario| scenario.name.len()).max()?;
    let line = |scenario: &Scenario| {
        let (about, source) = scenario.about()?;
        let lines = |text: &str| wrapped(text, text_width().saturating_sub(width + 2), "");
        let lines = lines(&about).into_iter().chain(lines(&format!("Source: {source}")));
        let lines = lines.enumerate().map(|(index, line)| {
            let name = if index == 0 { scenario.name } else { "" };
            format!("{name:width$}  {line}\n")
        });
        Some(lines.collect::<String>())
    };
    SCENARIOS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_a_description_and_a_source() {
        for scenario in &SCENARIOS {
            let (about, source) = scenario.about().unwrap();
            assert!(!about.is_empty() && source.len() > 20, "{}", scenario.name);
        }
    }
}
