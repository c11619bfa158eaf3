//! Options from a file or a named scenario. They have the same names as on the command line.

use std::{collections::BTreeMap, ffi::OsString, fs::File, io::Read, path::Path};

use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches, parser::ValueSource};
use toml::{Table, Value};

use super::{
    Cli, given,
    given::{Given, Options},
    layers::Layers,
    negation,
    options::sweep::SweepArgs,
    scenarios::Scenario,
};

/// The largest file of options.
const MAX_BYTES: u64 = 1 << 20;

/// This key names the scenario that a file builds on. In the file of a scenario it is a table with its description.
const SCENARIO: &str = "scenario";

/// A command line with the options of files.
pub(super) struct Filled {
    pub(super) arguments: Vec<OsString>,
    /// What set each option that comes from a file, as the command line names it: `--scenario lte`.
    pub(super) origins: BTreeMap<String, String>,
}

impl From<Vec<OsString>> for Filled {
    /// A command line without files.
    fn from(arguments: Vec<OsString>) -> Self {
        Self { arguments, origins: BTreeMap::new() }
    }
}

/// Adds the options of `--config` and `--scenario` to the command line. Options on the command line take precedence
/// over those of the file, and these over those of the scenario.
///
/// Returns an error if the file has anything but options of the command.
pub(super) fn with_files(mut arguments: Vec<OsString>) -> Result<Filled, String> {
    let names_file = |argument: &OsString| {
        let argument = argument.as_encoded_bytes();
        argument.starts_with(b"--config") || argument.starts_with(b"--scenario")
    };
    if !arguments.iter().any(names_file) {
        return Ok(arguments.into());
    }
    let mut all = Cli::command();
    all.build();
    let name = arguments.get(1).and_then(|name| name.to_str());
    let command = name.and_then(|name| all.find_subcommand(name)).filter(|command| Cli::is_sweep(command));
    let Some(command) = command.cloned() else { return Ok(arguments.into()) };
    // Errors are ignored here. They are reported when the whole command line is parsed.
    let Ok(matches) = all.ignore_errors(true).try_get_matches_from(&arguments) else {
        return Ok(arguments.into());
    };
    let Some((_, matches)) = matches.subcommand() else { return Ok(arguments.into()) };
    let Ok(sweep) = SweepArgs::from_arg_matches(matches) else { return Ok(arguments.into()) };
    let mut layers = Layers::new(&command, Given::options(&command, matches));
    let mut scenario = sweep.scenario().map(|scenario| (scenario, format!("--scenario {}", scenario.name)));
    if let Some(path) = sweep.config() {
        let origin = format!("--config {}", path.display());
        let file = FileOptions::read(path, &command).map_err(|e| format!("{origin}: {e}"))?;
        scenario = scenario.or(file.scenario.map(|scenario| (scenario, origin.clone())));
        layers.add(origin, file.options);
    }
    if let Some((scenario, origin)) = scenario {
        let file = FileOptions::parse(scenario.text, &command)
            .map_err(|e| format!("--scenario {}: {e}", scenario.name))?;
        layers.add(origin, file.options);
    }
    let (options, origins) = layers.of_files();
    let added = Given::new(command.get_name(), options).arguments(&command);
    let positional = added.iter().position(|argument| argument == "--").unwrap_or(added.len());
    let (added, positional) = added.split_at(positional);
    arguments.splice(2..2, added.iter().cloned());
    arguments.extend(positional.iter().cloned());
    Ok(Filled { arguments, origins })
}

/// The options of a file.
struct FileOptions {
    options: Options,
    /// The scenario that it builds on.
    scenario: Option<&'static Scenario>,
}

impl FileOptions {
    fn read(path: &Path, command: &Command) -> Result<Self, String> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
            .map_err(|error| error.to_string())?;
        if text.len() as u64 > MAX_BYTES {
            return Err(format!("larger than {MAX_BYTES} bytes"));
        }
        Self::parse(&text, command)
    }

    fn parse(text: &str, command: &Command) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().map_or("", |span| &text[..span.start.min(text.len())]);
            let line = before.matches('\n').count() + 1;
            format!("line {line}: {}", error.message())
        })?;
        let mut file = Self { options: BTreeMap::new(), scenario: None };
        let mut all = Cli::command();
        all.build();
        let other = |key: &str| all.find_subcommand(key).filter(|command| Cli::is_sweep(command));
        // The table of the command comes last, so that it wins over what is there for all commands.
        let (mut own, mut others) = (None, Vec::new());
        for (key, value) in &table {
            match value {
                Value::String(name) if key == SCENARIO => file.scenario = Some(name.parse()?),
                Value::Table(_) if key == SCENARIO => {}
                Value::Table(table) if key == command.get_name() => own = Some(table),
                Value::Table(table) if other(key).is_some() => others.push((key, table)),
                value => file.insert(command, key, value)?,
            }
        }
        own.into_iter().flatten().try_for_each(|(key, value)| file.insert(command, key, value))?;
        // Not used, but a key that the other command does not know is a mistake all the same.
        let mut unused = Self { options: BTreeMap::new(), scenario: None };
        for (name, table) in others {
            let Some(command) = other(name) else { continue };
            table.iter().try_for_each(|(key, value)| unused.insert(command, key, value))?;
        }
        Ok(file)
    }

    fn insert(&mut self, command: &Command, key: &str, value: &Value) -> Result<(), String> {
        let name = command.get_name();
        let is_own = |arg: &&Arg| given::name(arg) == key && given::is_option_of_file(arg);
        let arg = command.get_arguments().find(is_own);
        let arg = arg.ok_or_else(|| {
            format!("unknown key `{key}`: expected an option of wirelab {name}, such as loss")
        })?;
        match (arg.get_action().takes_values(), value) {
            (false, Value::Boolean(is_set)) => {
                // The last one counts. False is an option too, because a scenario may say true.
                let negation = negation::name(arg);
                let (given, other) = if *is_set { (key, &*negation) } else { (&*negation, key) };
                self.options.remove(other);
                self.options.insert(given.to_owned(), Vec::new());
            }
            (false, _) => return Err(format!("`{key}`: expected true or false")),
            (true, value) => {
                let values = values(value)
                    .ok_or_else(|| format!("`{key}`: expected text, a number, or an array of them"))?;
                if values.len() > 1 && !given::takes_several(arg) {
                    return Err(format!("`{key}`: expected one value, not an array"));
                }
                self.options.insert(key.to_owned(), values);
            }
        }
        Ok(())
    }
}

/// The values of an option, as they are written on the command line.
fn values(value: &Value) -> Option<Vec<String>> {
    let single = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) if values.is_empty() => None,
        Value::Array(values) => values.iter().map(single).collect(),
        value => single(value).map(|value| vec![value]),
    }
}

/// The options of a command line as a file that `--config` reads: those that were given, and as comments the defaults
/// of the others.
///
/// Returns an error if a value is not valid UTF-8, and therefore cannot be in such a file.
pub(super) fn to_toml(command: &Command, matches: &ArgMatches) -> Result<String, String> {
    let mut text = format!("# wirelab {} --config FILE.toml\n", command.get_name());
    let mut defaults = String::new();
    for arg in command.get_arguments().filter(|arg| given::is_option_of_file(arg) && !arg.is_hide_set()) {
        let id = arg.get_id().as_str();
        let raw = matches.get_raw(id).into_iter().flatten();
        let quoted: Option<Vec<String>> = raw.map(|value| value.to_str().map(quote)).collect();
        let not_utf8 = || format!("--print-config: the value of `{}` is not valid UTF-8", given::name(arg));
        let quoted = quoted.ok_or_else(not_utf8)?;
        if quoted.is_empty() && arg.get_action().takes_values() {
            defaults += &default_of_help(arg).unwrap_or_default();
            continue;
        }
        let value = match &quoted[..] {
            _ if !arg.get_action().takes_values() => "true".to_owned(),
            [value] => value.clone(),
            values => format!("[{}]", values.join(", ")),
        };
        let line = format!("{} = {value}\n", given::name(arg));
        match matches.value_source(id) {
            Some(ValueSource::CommandLine) => text += &line,
            Some(ValueSource::DefaultValue) if arg.get_action().takes_values() => {
                defaults += &format!("# {line}");
            }
            _ => {}
        }
    }
    if !defaults.is_empty() {
        text += &format!("\n# Defaults:\n{defaults}");
    }
    Ok(text)
}

/// The default that the help text names, as a comment: a value, or a sentence if it depends on something.
fn default_of_help(arg: &Arg) -> Option<String> {
    let help = arg.get_long_help().or(arg.get_help())?.to_string();
    let (_, default) = help.rsplit_once("[default: ")?;
    let (default, _) = default.split_once(']')?;
    let name = given::name(arg);
    Some(match default.contains(' ') {
        true => format!("# {name}: {default}\n"),
        false => format!("# {name} = {}\n", quote(default)),
    })
}

/// A whole number, or a basic string of TOML. Its escapes include those of JSON, which leaves DEL as it is.
fn quote(value: &str) -> String {
    match value.parse::<i64>() {
        Ok(number) if number.to_string() == value => value.to_owned(),
        _ => serde_json::Value::from(value).to_string().replace('\x7f', r"\u007f"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str) -> Command {
        let mut all = Cli::command();
        all.build();
        all.find_subcommand(name).unwrap().clone()
    }

    fn options(name: &str, text: &str) -> Result<Vec<String>, String> {
        let command = command(name);
        let options = FileOptions::parse(text, &command)?.options;
        let arguments = Given::new(name, options).arguments(&command);
        Ok(arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect())
    }

    #[test]
    fn keys_are_the_names_of_options_and_values_are_written_as_there() {
        let text = "loss = ['0%', '1%']\nseeds = 5\nkeep-order = true\necn = false\n[bench]\nflows = 3\n[share]\nwarmup = '1s'";
        assert_eq!(
            options("bench", text).unwrap(),
            ["--flows=3", "--keep-order", "--loss=0%", "--loss=1%", "--no-ecn", "--seeds=5"]
        );
        assert_eq!(options("share", text).unwrap().last().unwrap(), "--warmup=1s");
        assert_eq!(options("bench", "seeds = 5\n[bench]\nseeds = 6").unwrap(), ["--seeds=6"]);
        assert_eq!(options("bench", "ecn = false\n[bench]\necn = true").unwrap(), ["--ecn"]);
        assert_eq!(options("bench", "ecn = true\n[bench]\necn = false").unwrap(), ["--no-ecn"]);
        assert_eq!(options("bench", "ipv4 = true").unwrap(), ["-4"]);
    }

    #[test]
    fn what_is_no_option_or_no_value_is_named() {
        for (text, reason) in [
            ("los = '1%'", "unknown key `los`"),
            ("shard = '1/2'", "unknown key `shard`"),
            ("no-ecn = true", "unknown key `no-ecn`"),
            ("config = 'other.toml'", "unknown key `config`"),
            ("[serve]\nservice = 'json'", "unknown key `serve`"),
            ("loss = true", "`loss`: expected text"),
            ("loss = []", "`loss`: expected text"),
            ("keep-order = 'yes'", "`keep-order`: expected true or false"),
            ("seeds = 5\nloss", "line 2"),
            ("seeds = 5\n= 3", "line 2"),
            ("seeds = [5, 6]", "`seeds`: expected one value"),
            ("[hol]\nbogus = 1", "unknown key `bogus`: expected an option of wirelab hol"),
            ("scenario = 'moon'", "moon"),
        ] {
            let error = options("bench", text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
