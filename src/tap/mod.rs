//! The order instrument observes an emulated path. For each byte it records when it first entered the link, when the copy
//! that arrived entered, and whether a copy was dropped.
//!
//! The two ends of a connection share two [`Ledger`]s, one for each direction. The sender's packet protection tells what
//! it seals ([`Tap::sealed`]), the [`Instrument`] recognises the datagram as it enters and leaves the link, and the
//! receiver's packet protection tells what it opened ([`Tap::opened`]): so a packet counts as arrived once its receiver
//! has accepted it, and a corrupted one does not. ARQ does the same with its segments ([`Tap::loaded`],
//! [`Tap::landed`]); their numbers stand for offsets in a stream. The bytes of TCP are known by their sequence numbers.

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
    carried::{Carried, Loaded},
    cause::LossCause,
    coverage::Extent,
    instrument::{Instrument, Seen},
    ledger::Ledger,
    tcp::StreamTap,
    truth::{Found, Truth, TruthFigures},
    view::Tap,
};
