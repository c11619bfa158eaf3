//! The order instrument observes an emulated path. For each byte it records when it first entered the link, when the
//! copy that arrived entered, and whether a copy was dropped.
//!
//! The two ends of a connection share two [`Ledger`]s, one for each direction. The sender's packet protection reports
//! each packet that it encrypts ([`Tap::sealed`]). The [`Instrument`] recognises the datagram when it enters and leaves
//! the link. The receiver's packet protection reports each packet that it decrypts ([`Tap::opened`]), so a corrupted
//! packet does not count as arrived. ARQ does the same with its segments ([`Tap::loaded_segment`], [`Tap::landed`]),
//! with sequence numbers as offsets in a stream. The bytes of TCP are identified by their sequence numbers.

mod bytes;
mod carried;
mod cause;
mod coverage;
mod instrument;
mod ledger;
mod sealed;
mod streams;
mod tcp;
mod truth;
mod view;

pub use self::{
    bytes::{Landed, Passage, Stamp},
    carried::{Carried, Entering, Loaded},
    cause::LossCause,
    coverage::Extent,
    instrument::{Instrument, Seen},
    ledger::Ledger,
    tcp::StreamTap,
    truth::{Found, Truth, TruthFigures, Verdict},
    view::Tap,
};
