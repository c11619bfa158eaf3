//! One end's view of the link.

use std::sync::Arc;

use super::{
    bytes::{Landed, Passage},
    carried::{Carried, Loaded},
    cause::LossCause,
    coverage::Extent,
    ledger::Ledger,
    tcp::{Connections, StreamTap},
    truth::TruthFigures,
};
use crate::{
    path::Connected,
    unit::{Direction, Lock, LockGuard, PerDirection, Time},
    wire::MessageId,
};

/// One end's view of the link, for one connection at a time.
#[derive(Debug, Clone)]
pub struct Tap {
    pub(super) ledgers: Arc<PerDirection<Lock<Ledger>>>,
    pub(super) connections: Connections,
    outgoing: Direction,
    follows_losses: bool,
}

impl Tap {
    /// The taps of the client and of the server, by the direction in which each sends.
    pub fn pair() -> PerDirection<Self> {
        Self::pair_for(false)
    }

    /// The same; if `one_thread`, for the calling thread alone.
    pub(crate) fn pair_for(one_thread: bool) -> PerDirection<Self> {
        let ledgers = PerDirection::from_fn(|_| Lock::new(one_thread, Ledger::default()));
        Self::pair_of(Arc::new(ledgers), Connections::default(), false)
    }

    /// Taps that record the [`Truth`](super::Truth), but not how each byte arrived, so bytes need not be released.
    pub(crate) fn pair_for_truth() -> PerDirection<Self> {
        let ledgers = PerDirection::from_fn(|_| Lock::new(false, Ledger::only_truth()));
        Self::pair_of(Arc::new(ledgers), Connections::only_truth(), true)
    }

    fn pair_of(
        ledgers: Arc<PerDirection<Lock<Ledger>>>,
        connections: Connections,
        follows_losses: bool,
    ) -> PerDirection<Self> {
        PerDirection::from_fn(|outgoing| Self {
            ledgers: ledgers.clone(),
            connections: connections.clone(),
            outgoing,
            follows_losses,
        })
    }

    /// A new connection begins: its streams and packets are counted from 0 again.
    pub(crate) fn begin(&self) {
        for ledger in &*self.ledgers {
            ledger.lock().begin();
        }
    }

    /// The next datagram ends with packet number `packet`, whose plaintext is `payload`.
    pub(crate) fn sealed(&self, packet: u64, payload: &[u8]) {
        self.outgoing().seal(packet, payload);
    }

    /// The packet that was sealed last is encrypted to `ciphertext`.
    pub(crate) fn encrypted(&self, ciphertext: &[u8]) {
        self.outgoing().encrypted(ciphertext);
    }

    /// `datagram` is sent next, once, and carries `what`; its receiver reports it by [`Tap::landed`].
    pub(crate) fn loaded(&self, datagram: &[u8], what: Carried) {
        self.outgoing().load(datagram, what);
    }

    /// The segment `datagram` is sent next; its receiver reports it by [`Tap::landed`].
    pub(crate) fn loaded_segment(&self, datagram: &[u8], segment: Loaded) {
        self.outgoing().load_segment(datagram, segment);
    }

    /// `datagram`, with these parts of handshake messages, is sent next. Its receiver reports it by [`Tap::landed`]. If
    /// it repeats a part, the earlier packets with that part count as declared lost for this `cause`.
    pub(crate) fn loaded_flight(&self, datagram: &[u8], data: Vec<Extent>, cause: LossCause) {
        self.outgoing().load_flight(datagram, data, cause);
    }

    /// This end declared its packet number `packet` lost.
    pub(crate) fn declared(&self, packet: u64, now: Time, cause: LossCause) {
        self.outgoing().truth.declared(packet, now, cause);
    }

    /// This end no longer waits for acknowledgements of its packets with numbers below `packet`.
    pub(crate) fn forget_before(&self, packet: u64) {
        self.outgoing().truth.forget_before(packet);
    }

    /// The [`Truth`](super::Truth) of both directions, over all connections.
    pub(crate) fn truth(&self) -> TruthFigures {
        let mut sum = self.connections.truth();
        self.ledgers.iter().for_each(|ledger| sum += &ledger.lock().truth.figures());
        sum
    }

    /// Packet number `packet` arrived intact; `accepted` tells whether its frames were processed.
    pub(crate) fn opened(&self, packet: u64, accepted: bool) {
        self.incoming().open(packet, accepted);
    }

    /// A datagram that was loaded arrived intact; `kept` tells whether its content was.
    pub(crate) fn landed(&self, datagram: &[u8], kept: bool) {
        self.incoming().unload(datagram, kept);
    }

    /// How the byte at `offset` of an incoming stream arrived.
    pub(crate) fn passage(&self, stream: u64, offset: u64) -> Option<Passage> {
        self.incoming().passage(stream, offset)
    }

    /// How the datagram or DATAGRAM frame that has just arrived with the message `id` crossed the link.
    pub(crate) fn datagram(&self, id: MessageId) -> Option<Landed> {
        self.incoming().datagram(id)
    }

    /// Nothing below `offset` of an incoming stream will be asked for again.
    pub(crate) fn release(&self, stream: u64, offset: u64) {
        self.incoming().release(stream, offset);
    }

    /// Nothing of an incoming stream will be asked for again.
    pub(crate) fn close(&self, stream: u64) {
        self.incoming().close(stream);
    }

    /// Counts what is written to a TCP connection, and follows its bytes on the link.
    pub(crate) fn stream(&self, connected: Connected) -> (Connected, StreamTap) {
        let ports = match self.outgoing {
            Direction::ToServer => (connected.local.port(), connected.peer.port()),
            Direction::ToClient => (connected.peer.port(), connected.local.port()),
        };
        self.connections.tap(ports, self.outgoing, connected)
    }

    /// The same tap. QUIC connections also report to it the packets that they declare lost, which costs time to detect.
    pub(crate) fn following_losses(self) -> Self {
        Self { follows_losses: true, ..self }
    }

    /// Does not compare the packets that a QUIC connection repeats with those that the link dropped.
    pub(crate) fn ignore_losses(&self) {
        self.ledgers.iter().for_each(|ledger| ledger.lock().without_truth = true);
    }

    /// Whether a QUIC connection reports its losses; see [`Self::following_losses`].
    pub(crate) fn follows_losses(&self) -> bool {
        self.follows_losses
    }

    fn outgoing(&self) -> LockGuard<'_, Ledger> {
        self.ledgers[self.outgoing].lock()
    }

    fn incoming(&self) -> LockGuard<'_, Ledger> {
        self.ledgers[self.outgoing.reverse()].lock()
    }
}
