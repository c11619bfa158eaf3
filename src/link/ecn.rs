//! Explicit Congestion Notification (RFC 3168): marking packets instead of dropping them, and links that break it.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::{
    Column, LinkSpec, Property, Setting, Takes, ValueError, Word,
    property::{TEXT, flag, set, unless_none},
};
use crate::unit::shown;

pub(super) const ECN: Property = Property {
    option: "--ecn",
    takes: Takes::Nothing,
    help: "The queue marks packets that can be marked (of QUIC and udp; of TCP with --path netns) instead of dropping \
           them, where --aqm says so; TCP negotiates ECN",
    parse: |link, text| set(&mut link.ecn, flag(text)),
    columns: &[Column::optional("ecn", Setting::Flag(false), |link| Setting::Flag(link.ecn))],
    words: |settings| if settings.is_set("ecn") { vec![Word::Text("ECN")] } else { Vec::new() },
    ..Property::PLAIN
};

pub(super) const FAULT: Property = Property {
    option: "--ecn-fault",
    takes: Takes::List("FAULT,.."),
    help: "How the link spoils ECN: bleach clears the field of every packet, mark-all marks every packet that can be \
           marked",
    parse: |link, text| set(&mut link.ecn_fault, unless_none(text, str::parse)),
    columns: &[Column::optional("ecn_fault", TEXT, |link| link.ecn_fault.map(EcnFault::name).into())],
    words: |settings| match settings.text("ecn_fault") {
        Some("bleach") => vec![Word::Text("ECN bleached")],
        Some(_) => vec![Word::Text("everything marked CE")],
        None => Vec::new(),
    },
    ..Property::PLAIN
};

impl LinkSpec {
    /// Whether the link marks packets or changes their ECN field.
    pub(crate) fn uses_ecn(&self) -> bool {
        self.ecn || self.ecn_fault.is_some()
    }
}

/// How a link breaks ECN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EcnFault {
    /// Clears the ECN field.
    Bleach,
    /// Marks every packet that can be marked with Congestion Experienced.
    MarkAll,
}

impl EcnFault {
    /// All faults.
    pub const ALL: [Self; 2] = [Self::Bleach, Self::MarkAll];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bleach => "bleach",
            Self::MarkAll => "mark-all",
        }
    }
}

impl FromStr for EcnFault {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let known = Self::ALL.into_iter().find(|fault| fault.name() == text.trim());
        known.ok_or_else(|| ValueError::Form { text: shown(text), forms: "bleach or mark-all" })
    }
}

impl fmt::Display for EcnFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for EcnFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
