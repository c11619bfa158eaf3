//! What an emulated path knows of the bytes on it: when each first entered the wire, when the copy that arrived
//! did, and whether a copy was dropped.
//!
//! The two ends of one QUIC connection share two [`Ledger`]s, one for each direction. The sender's packet
//! protection says what it seals ([`Tap::sealed`]), the socket says what became of the datagram that carried it
//! ([`Tap::sent`]; where the wire is elsewhere, that it is on its way there, [`Tap::posted`], and the wire says the
//! rest, [`Tap::entered`]), and the receiver's packet protection says what it opened ([`Tap::opened`]): so a packet counts
//! as arrived where its receiver took it in, and a corrupted one does not. Reliability by hand does the same with its
//! segments ([`Tap::loaded`], [`Tap::landed`]); a segment's number stands where a byte's place in a stream does.

mod bytes;
mod ledger;
pub(crate) mod tcp;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::{
    bytes::{Passage, Stamp},
    ledger::{Carried, Ledger},
};
use crate::{
    link::Verdict,
    unit::{Direction, PerDirection, Time},
    wire::MessageId,
};

/// One end's view of the wire, for one connection at a time.
#[derive(Debug, Clone)]
pub struct Tap {
    ledgers: Arc<PerDirection<Mutex<Ledger>>>,
    /// The direction of what this end sends.
    outgoing: Direction,
}

impl Tap {
    /// The taps of both ends, each by the direction of what it sends.
    pub fn pair() -> PerDirection<Self> {
        let ledgers = Arc::<PerDirection<Mutex<Ledger>>>::default();
        PerDirection::from_fn(|outgoing| Self { ledgers: ledgers.clone(), outgoing })
    }

    /// A new connection begins: its streams and packets are counted from 0 again.
    pub fn begin(&self) {
        for ledger in &*self.ledgers {
            *lock(ledger) = Ledger::default();
        }
    }

    /// The datagram that is sent next ends with packet number `packet`, whose plaintext is `payload`.
    pub fn sealed(&self, packet: u64, payload: &[u8]) {
        self.outgoing().seal(packet, payload);
    }

    /// `datagram` is sent next, and carries `what`; its receiver says by [`Tap::landed`] that it came.
    pub fn loaded(&self, datagram: &[u8], what: Carried) {
        self.outgoing().load(datagram, what);
    }

    /// A datagram was offered to the wire; `look` is shown what it carries.
    pub fn sent(&self, now: Time, verdict: &Verdict, look: impl FnOnce(&[Carried])) {
        self.outgoing().enter(now, verdict, look);
    }

    /// The datagram with the packet that was sealed last is on its way to the wire.
    pub fn posted(&self, datagram: &[u8]) {
        self.outgoing().post(datagram);
    }

    /// A datagram that this end had posted was offered to the wire.
    pub fn entered(&self, datagram: &[u8], now: Time, verdict: &Verdict) {
        self.outgoing().enter_posted(datagram, now, verdict);
    }

    /// A datagram of this end that is the message `id` is about to arrive.
    pub fn brings(&self, id: MessageId, stamp: Stamp) {
        self.outgoing().bring(id, stamp);
    }

    /// Packet number `packet` came intact; `accepted` says whether its frames were taken in.
    pub fn opened(&self, packet: u64, accepted: bool) {
        self.incoming().open(packet, accepted);
    }

    /// A datagram that was loaded came intact; `kept` says whether its content was.
    pub fn landed(&self, datagram: &[u8], kept: bool) {
        self.incoming().unload(datagram, kept);
    }

    /// How the byte at `offset` of an incoming stream came here.
    pub fn passage(&self, stream: u64, offset: u64) -> Option<Passage> {
        self.incoming().passage(stream, offset)
    }

    /// When the DATAGRAM that has just arrived with the message `id` had entered the wire.
    pub fn datagram(&self, id: MessageId) -> Option<Stamp> {
        self.incoming().datagram(id)
    }

    /// Nothing below `offset` of an incoming stream will be asked for any more.
    pub fn release(&self, stream: u64, offset: u64) {
        self.incoming().release(stream, offset);
    }

    /// Nothing of an incoming stream will be asked for any more.
    pub fn close(&self, stream: u64) {
        self.incoming().close(stream);
    }

    fn outgoing(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledgers[self.outgoing])
    }

    fn incoming(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledgers[self.outgoing.reverse()])
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
