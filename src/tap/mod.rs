//! The order instrument observes an emulated path. For each byte it records when it first entered the link, when the
//! copy that arrived entered, and whether a copy was dropped.
//!
//! The two ends of a connection share two `Ledger`s, one for each direction. The sender's packet protection reports
//! each packet that it encrypts (`Tap::sealed`). The [`Instrument`] recognises the datagram when it enters and leaves
//! the link. The receiver's packet protection reports each packet that it decrypts (`Tap::opened`), so a corrupted
//! packet does not count as arrived. ARQ does the same with its segments (`Tap::loaded_segment`, `Tap::landed`),
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

#[cfg(test)]
pub(crate) use self::bytes::Stamp;
pub(crate) use self::{
    bytes::{Landed, Passage},
    carried::{Carried, Entering, Loaded},
    coverage::Extent,
    instrument::Seen,
};
pub use self::{
    cause::LossCause,
    instrument::Instrument,
    tcp::StreamTap,
    truth::{Found, TruthFigures, Verdict},
    view::Tap,
};
