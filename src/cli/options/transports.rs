//! The list of transports.

use std::{fmt, str::FromStr};

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
    pub(crate) fn on(&self, path: PathKind, command: &str, link: &str) -> (Vec<Transport>, Vec<Skipped>) {
        let (carried, refused): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|transport| path.refuses(*transport).is_none());
        let refused = refused.into_iter().filter(|_| *self != Self::All);
        let why = |transport| {
            let reason = path.refuses(transport)?;
            let instead =
                format!("{reason}; on the same link: wirelab {command} -t {transport} --path netns{link}");
            Some(skipped(transport.name(), path, instead))
        };
        (carried, refused.filter_map(why).collect())
    }
}
