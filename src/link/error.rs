//! Why a link was refused, in one line that names the option.

use std::time::Duration;

use thiserror::Error;

use crate::unit::{Size, UnitError, format_duration};

/// An option's value that does not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueError {
    /// A number, unit or share in it does not read.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// It has none of the forms that the option knows.
    #[error("`{text}` will not do: write {forms}")]
    Form {
        /// What was written.
        text: String,
        /// The forms that would do.
        forms: &'static str,
    },
    /// A count that is not a whole number from 1.
    #[error("`{text}` is not a {kind}: write a whole number from 1")]
    Count {
        /// What was written.
        text: String,
        /// What it should be.
        kind: &'static str,
    },
}

/// A link that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// A value does not read.
    #[error("{option}: {source}")]
    Value {
        /// The option.
        option: &'static str,
        /// Why.
        source: ValueError,
    },
    /// A key that no link has.
    #[error("`{key}` is no property of a link: use {known}")]
    UnknownKey {
        /// What was written.
        key: String,
        /// The keys that there are.
        known: String,
    },
    /// Something between two commas that is not `key=value`.
    #[error("`{text}` is not key=value: write pairs such as loss=2%,delay=10ms")]
    NotAPair {
        /// What was written.
        text: String,
    },
    /// The same key twice.
    #[error("{key} is given twice: leave one out")]
    Twice {
        /// The key.
        key: &'static str,
    },
    /// A queue where nothing ever waits.
    #[error("--queue needs --rate: without a rate nothing waits; give a rate or leave --queue out")]
    QueueWithoutRate,
    /// A queue that a full packet never fits into.
    #[error("--queue {queue} is smaller than one packet (--mtu {mtu}): nothing that large would pass")]
    QueueBelowPacket {
        /// The queue.
        queue: Size,
        /// The MTU in bytes.
        mtu: u16,
    },
    /// A queue of no packets.
    #[error("--queue 0p holds nothing: write 1p or more")]
    NoQueue,
    /// An MTU that IP does not work with.
    #[error("--mtu {mtu} is below 576: write 576 to 65535")]
    Mtu {
        /// The MTU in bytes.
        mtu: u16,
    },
    /// A time beyond what a link may have.
    #[error("--{option} is longer than {}: shorten it", format_duration(*.longest))]
    TooLong {
        /// The option.
        option: &'static str,
        /// The longest that is allowed.
        longest: Duration,
    },
    /// Packet numbers where losses have no packet numbers.
    #[error("--loss drop names packets, --loss-by time does not: leave --loss-by out")]
    DropByTime,
    /// A list of packets with packet 0 in it.
    #[error("--loss drop counts packets from 1: leave packet 0 out")]
    DropZero,
    /// A chain that stays where it starts.
    #[error("--loss with P and R both 0% never changes its state: write a plain share such as 1%")]
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
