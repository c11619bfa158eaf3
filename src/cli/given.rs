//! The options that a command line sets, as text.

use std::{collections::BTreeMap, ffi::OsString};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, parser::ValueSource};
use serde_json::{Map, Value};
use wirelab::experiment::given_options;

use super::options::{capture::CaptureArgs, detail::DetailArgs, output::OutputArgs, sweep::SweepArgs};

/// The options that a command line sets, by their long names, and its positional arguments, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) command: String,
    options: Options,
}

/// The values of each option, by its name. A flag has none.
pub(crate) type Options = BTreeMap<String, Vec<String>>;

/// What the id of a `--no-NAME` begins with. The id of the flag that it turns off follows.
pub(super) const NEGATION: &str = "not:";

/// Upper bound on the points of the matrix that saved options make.
const MAX_POINTS: usize = 1_000_000;

/// Ids of further options that name a file to write, besides those of [`is_output`].
const ALSO_OUTPUTS: [&str; 1] = ["save"];

impl Given {
    /// Options of a command.
    pub(crate) fn new(command: &str, options: Options) -> Self {
        Self { command: command.to_owned(), options }
    }

    /// The options of `command` that determine the measurement.
    pub(crate) fn measuring(command: &Command, matches: &ArgMatches) -> Self {
        Self::of(command, matches, is_measuring)
    }

    /// The options of `command` for output: what is shown, and where it is written.
    pub(crate) fn showing(command: &Command, matches: &ArgMatches) -> Self {
        Self::of(command, matches, is_output)
    }

    /// Every option of `command` that was given, with its values.
    pub(crate) fn options(command: &Command, matches: &ArgMatches) -> Options {
        Self::of(command, matches, |_| true).options
    }

    fn of(command: &Command, matches: &ArgMatches, is_wanted: fn(&Arg) -> bool) -> Self {
        let is_given = |arg: &&Arg| {
            let id = arg.get_id().as_str();
            matches.value_source(id) == Some(ValueSource::CommandLine) && is_wanted(arg)
        };
        let values = |arg: &Arg| {
            let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
            let values = raw.map(|value| value.to_string_lossy().into_owned()).collect();
            (name(arg).to_owned(), if arg.get_action().takes_values() { values } else { Vec::new() })
        };
        let options = command.get_arguments().filter(is_given).map(values).collect();
        Self { command: command.get_name().to_owned(), options }
    }

    /// Whether a server by URL is among them.
    pub(crate) fn has_servers(&self) -> bool {
        let positional = ["urls", "what"].into_iter().filter_map(|id| self.options.get(id)).flatten();
        positional.into_iter().any(|value| value.contains("://"))
    }

    /// The options as JSON.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        given_options(&self.options)
    }

    /// Reads the options of `command` that determine the measurement, as [`Given::to_json`] writes them.
    ///
    /// Returns an error if there is any other option, such as one that writes a file, or if they make a matrix of
    /// more than [`MAX_POINTS`] points: the file may come from an untrusted source.
    pub(crate) fn from_json(command: &Command, options: &Map<String, Value>) -> Result<Self, String> {
        let mut given = Self { command: command.get_name().to_owned(), ..Self::default() };
        let mut points = 1usize;
        for (key, value) in options {
            let is_known = command.get_arguments().any(|arg| name(arg) == key && is_measuring(arg));
            if !is_known {
                return Err(format!("unexpected option `{key}`"));
            }
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let values = match value {
                Value::Bool(true) => Some(Vec::new()),
                Value::Array(values) => values.iter().map(text).collect(),
                value => text(value).map(|value| vec![value]),
            };
            let values = values.ok_or_else(|| format!("option `{key}`: invalid value"))?;
            let count: usize = values.iter().map(|value| value.split(',').count()).sum();
            points = points.saturating_mul(count.max(1));
            given.options.insert(key.clone(), values);
        }
        match points <= MAX_POINTS {
            true => Ok(given),
            false => Err(format!("more than {MAX_POINTS} combinations of options")),
        }
    }

    /// The command line of these options of `command`, without the program and the command.
    pub(crate) fn arguments(&self, command: &Command) -> Vec<OsString> {
        let mut arguments = Vec::new();
        let mut positional = vec![OsString::from("--")];
        for (key, values) in &self.options {
            let Some(arg) = command.get_arguments().find(|arg| name(arg) == key) else { continue };
            let option = match arg.get_short().filter(|_| arg.get_long().is_none()) {
                Some(short) => format!("-{short}"),
                None => format!("--{key}"),
            };
            match &values[..] {
                values if arg.is_positional() => positional.extend(values.iter().map(OsString::from)),
                [] => arguments.push(option.into()),
                values => {
                    arguments.extend(values.iter().map(|value| OsString::from(format!("{option}={value}"))));
                }
            }
        }
        if positional.len() > 1 {
            arguments.extend(positional);
        }
        arguments
    }
}

/// Whether an option or an argument takes several values.
pub(super) fn takes_several(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
        || arg.get_num_args().is_some_and(|number| number.max_values() > 1)
}

/// The name of an option, or the id of a positional argument.
pub(crate) fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or(arg.get_id().as_str())
}

/// Whether a file of options may have this option.
pub(crate) fn is_option_of_file(arg: &Arg) -> bool {
    !is_of::<SweepArgs>(arg)
        && !arg.get_id().as_str().starts_with(NEGATION)
        && !["help", "version"].contains(&arg.get_id().as_str())
}

/// Whether an option determines the measurement.
fn is_measuring(arg: &Arg) -> bool {
    is_option_of_file(arg) && !is_output(arg) && !is_of::<CaptureArgs>(arg)
}

/// Whether an option is for output.
fn is_output(arg: &Arg) -> bool {
    is_of::<OutputArgs>(arg) || is_of::<DetailArgs>(arg) || ALSO_OUTPUTS.contains(&arg.get_id().as_str())
}

/// Whether an option belongs to a group.
pub(super) fn is_of<A: Args>(arg: &Arg) -> bool {
    A::augment_args(Command::new("")).get_arguments().any(|other| other.get_id() == arg.get_id())
}
