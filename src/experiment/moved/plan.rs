//! The plan and the outcome of messages of a client whose address changes.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    experiment::{migration::MigrationFigures, path_kind::PathKind, plan::Plan, record::outcome::Outcome},
    link::{LinkSpec, SpecError, resolve_queues},
    path::{Handover, NewAddress, UnknownPart},
    unit::{PerDirection, format_duration, parse_duration},
};

/// A change of the client's address: `AT[:port|ip]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebind {
    /// When, from the start of the measured time.
    pub at: Duration,
    /// What changes.
    pub what: NewAddress,
}

impl Rebind {
    /// Why the path cannot make the change, if it cannot.
    pub fn refusal(self, path: PathKind) -> Option<&'static str> {
        match (path, self.what) {
            (PathKind::Sim | PathKind::Relay, _) | (PathKind::Netns, NewAddress::Ip) => None,
            (PathKind::Netns, NewAddress::Port) => Some(
                "no NAT stands between the namespaces, so the client's IP address changes: use --rebind AT:ip",
            ),
            (PathKind::Direct, _) => {
                Some("the client's address is this machine's; use --path sim, relay or netns")
            }
        }
    }
}

/// An invalid change of the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid value `{value}`: {reason}")]
pub struct InvalidRebind {
    value: String,
    reason: String,
}

impl FromStr for Rebind {
    type Err = InvalidRebind;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidRebind { value: value.to_owned(), reason };
        let (at, what) = match value.split_once(':') {
            Some((at, what)) => (at, what.parse().map_err(|e: UnknownPart| invalid(e.to_string()))?),
            None => (value, NewAddress::default()),
        };
        match parse_duration(at).map_err(|e| invalid(e.to_string()))? {
            Duration::ZERO => {
                Err(invalid("expected a time above 0: clients begin at their first address".to_owned()))
            }
            at => Ok(Self { at, what }),
        }
    }
}

impl fmt::Display for Rebind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", format_duration(self.at), self.what)
    }
}

/// A handover to another network, after a time without a network: `AT:OUTAGE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When the first network goes away, from the start of the measured time.
    pub at: Duration,
    /// How long the client has no network.
    pub length: Duration,
}

impl Outage {
    /// The change of the address at its beginning.
    pub(crate) fn rebind(self) -> Rebind {
        Rebind { at: self.at, what: NewAddress::Ip }
    }

    /// The network that a client moves to from `links`. `after` lists the settings of its link that differ.
    ///
    /// Returns an error if a pair is not valid.
    pub fn handover(
        self,
        after: Option<&str>,
        links: &PerDirection<LinkSpec>,
    ) -> Result<Handover, SpecError> {
        let mut other = links.clone();
        for link in [&mut other.to_server, &mut other.to_client] {
            link.unresolve_queue();
            after.map_or(Ok(()), |pairs| link.apply_pairs(pairs))?;
        }
        resolve_queues(&mut other);
        other.iter().try_for_each(LinkSpec::validate)?;
        Ok(Handover { outage: self.length, after: other })
    }
}

impl FromStr for Outage {
    type Err = InvalidRebind;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidRebind { value: value.to_owned(), reason };
        let form = || invalid("expected two times, such as 5s:300ms".to_owned());
        let (at, length) = value.split_once(':').ok_or_else(form)?;
        let Rebind { at, .. } = at.parse()?;
        let length = parse_duration(length).map_err(|e| invalid(e.to_string()))?;
        Ok(Self { at, length })
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", format_duration(self.at), format_duration(self.length))
    }
}

/// One cell of a matrix: messages, and the change of the client's address.
#[derive(Debug, Clone, PartialEq)]
pub struct MovedPlan {
    /// The messages.
    pub plan: Plan,
    /// The change.
    pub rebind: Rebind,
    /// The handover to another network, if there is one.
    pub handover: Option<Handover>,
}

/// The outcome of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MovedOutcome {
    /// The messages.
    pub messages: Outcome,
    /// What the change cost.
    pub(crate) migration: MigrationFigures,
}
