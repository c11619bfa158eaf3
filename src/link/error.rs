//! Errors of link properties: one line that names the option.

use std::time::Duration;

use thiserror::Error;

use super::LinkSpec;
use crate::unit::{Size, UnitError, format_duration};

/// An invalid value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueError {
    /// An invalid number, unit or share.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// None of the property's forms.
    #[error("invalid value `{text}`: expected {forms}")]
    Form {
        /// The text that was given.
        text: String,
        /// The valid forms.
        forms: &'static str,
    },
    /// A trace that cannot be read.
    #[error("cannot read the trace {file}: {why}")]
    Trace {
        /// The file.
        file: String,
        /// The line and the reason.
        why: String,
    },
    /// A count that is not a whole number from 1.
    #[error("`{text}` is not a {kind}: write a whole number from 1")]
    Count {
        /// The text that was given.
        text: String,
        /// What was expected.
        kind: &'static str,
    },
}

/// An invalid link.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// A value cannot be read.
    #[error("{option}: {source}")]
    Value {
        /// The option.
        option: &'static str,
        /// Why.
        source: ValueError,
    },
    /// An unknown key.
    #[error("unknown link property `{key}`: expected {known}")]
    UnknownKey {
        /// The text that was given.
        key: String,
        /// The valid keys.
        known: String,
    },
    /// Text between two commas that is not `key=value`.
    #[error("`{text}` is not key=value: write pairs such as loss=2%,delay=10ms")]
    NotAPair {
        /// The text that was given.
        text: String,
    },
    /// The same key twice.
    #[error("{key} is given twice: leave one out")]
    Twice {
        /// The key.
        key: &'static str,
    },
    /// A property of the queue without a rate.
    #[error("{option} needs --rate: without a rate no packet waits; give a rate or leave {option} out")]
    NeedsRate {
        /// The option.
        option: &'static str,
    },
    /// A queue smaller than one packet.
    #[error(
        "--queue {queue} is smaller than one packet (--mtu {mtu}): packets of that size would never pass"
    )]
    QueueBelowPacket {
        /// The queue.
        queue: Size,
        /// The MTU in bytes.
        mtu: u16,
    },
    /// A queue of no packets.
    #[error("--queue 0p holds nothing: write 1p or more")]
    NoQueue,
    /// An MTU below the minimum of IP.
    #[error("--mtu {mtu} is below 576: write 576 to 65535")]
    Mtu {
        /// The MTU in bytes.
        mtu: u16,
    },
    /// A time above the limit.
    #[error("--{option} is longer than {}: shorten it", format_duration(*.longest))]
    TooLong {
        /// The option.
        option: &'static str,
        /// The longest that is allowed.
        longest: Duration,
    },
    /// A list of packets with loss by time.
    #[error("--loss drop lists packets, which --loss-by time does not number: leave --loss-by out")]
    DropByTime,
    /// A list of packets that contains packet 0.
    #[error("--loss drop counts packets from 1: leave packet 0 out")]
    DropZero,
    /// A chain that never changes its state.
    #[error("--loss with P and R both 0% never changes its state: write a share such as 1%")]
    StuckChain,
    /// An outage without length.
    #[error("--loss outage of length 0 loses nothing: write outage:2s:300ms, or 0%")]
    NoOutage,
    /// A slot out of bounds.
    #[error("--loss-by time:{} is out of bounds: write 10us to 1h", format_duration(*.slot))]
    Slot {
        /// The slot.
        slot: Duration,
    },
}

impl SpecError {
    /// An error if `link` has no rate, which `option` needs.
    pub(super) fn unless_rate(option: &'static str, link: &LinkSpec) -> Result<(), Self> {
        if link.rate.is_none() { Err(Self::NeedsRate { option }) } else { Ok(()) }
    }

    /// An error if the time of `option` exceeds [`LinkSpec::LONGEST`].
    pub(super) fn unless_too_long(option: &'static str, time: Duration) -> Result<(), Self> {
        let longest = LinkSpec::LONGEST;
        if time > longest { Err(Self::TooLong { option, longest }) } else { Ok(()) }
    }
}
