//! The list of transports.

use std::str::FromStr;

use wirelab::{
    experiment::PathKind,
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

impl Transports {
    /// Those that `path` can carry, and why it does not carry the others that were named.
    pub(crate) fn on(&self, path: PathKind) -> (Vec<Transport>, Vec<Skipped>) {
        let named = match self {
            Self::All => {
                let carried = |transport: &Transport| path.refuses(*transport).is_none();
                return (Transport::all().filter(carried).collect(), Vec::new());
            }
            Self::These(named) => named,
        };
        let (mut carried, mut skipped) = (Vec::new(), Vec::new());
        for &transport in named {
            match path.refuses(transport) {
                None => carried.push(transport),
                Some(reason) => skipped.push(Skipped {
                    transport: transport.name().to_owned(),
                    path: path.name().to_owned(),
                    reason: reason.to_owned(),
                }),
            }
        }
        (carried, skipped)
    }
}
