//! The list of transports.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};
use wirelab::{
    experiment::{PathKind, skipped},
    report::Skipped,
    transport::{Transport, UnknownTransport},
};

/// Which transports were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transports {
    /// Whatever the path can carry.
    All,
    /// These, by name.
    These(Vec<Transport>),
}

impl FromStr for Transports {
    type Err = UnknownTransport;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        if list == "all" {
            return Ok(Self::All);
        }
        let mut these = Vec::new();
        for name in list.split(',') {
            for transport in Transport::named(name)? {
                if !these.contains(&transport) {
                    these.push(transport);
                }
            }
        }
        Ok(Self::These(these))
    }
}

/// As they are written on the command line, a complete group by its name.
impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::These(these) = self else { return f.write_str("all") };
        let mut names: Vec<&str> = Vec::new();
        for transport in these {
            let scheme = transport.scheme();
            let is_whole_group =
                scheme.query.is_some() && scheme.transports().all(|other| these.contains(&other));
            let name = if is_whole_group { scheme.name } else { transport.name() };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        f.write_str(&names.join(","))
    }
}

impl Transports {
    /// All that are meant, whatever the path.
    pub(crate) fn all(&self) -> Vec<Transport> {
        match self {
            Self::All => Transport::all().collect(),
            Self::These(these) => these.clone(),
        }
    }

    /// Those that `path` can carry, and why it does not carry the others that were named, with the command that does.
    /// `given` are the options of the command line.
    pub(crate) fn on(
        &self,
        path: PathKind,
        command: &str,
        given: &Map<String, Value>,
    ) -> (Vec<Transport>, Vec<Skipped>) {
        let (carried, refused): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|transport| path.refuses(*transport).is_none());
        let refused = refused.into_iter().filter(|_| *self != Self::All);
        let why = |transport| {
            let reason = path.refuses(transport)?;
            let reason = match on_netns(command, transport, given) {
                Some(instead) => format!("{reason}; on the same link: {instead}"),
                None => reason.to_string(),
            };
            Some(skipped(transport.name(), path, reason))
        };
        (carried, refused.filter_map(why).collect())
    }
}

/// The command line that measures the same with `transport` on netns. `None` if netns does not carry what was asked for.
fn on_netns(command: &str, transport: Transport, given: &Map<String, Value>) -> Option<String> {
    // The kernel cannot change the port of a connection.
    let rebind = given.get("rebind").and_then(Value::as_str);
    if PathKind::Netns.refuses(transport).is_some() || rebind.is_some_and(|rebind| !rebind.ends_with(":ip")) {
        return None;
    }
    let is_other = |name: &str| !["transport", "path"].contains(&name);
    let options = given.iter().filter(|(name, _)| is_other(name)).map(|(name, value)| option(name, value));
    Some(format!("wirelab {command} -t {transport} --path netns{}", options.collect::<String>()))
}

/// An option as a shell reads it, after a space.
fn option(name: &str, value: &Value) -> String {
    let value = match value {
        Value::String(value) => format!(" {}", quoted(value)),
        Value::Array(values) => {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            format!(" {}", quoted(&values.join(",")))
        }
        _ => String::new(),
    };
    // A positional argument has an id and no option.
    if name == "what" { value } else { format!(" --{name}{value}") }
}

fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%,.:/=@+-_".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}
