//! One direction of a connection: packets under way, and the bytes and messages that they carry.

use std::{collections::VecDeque, time::Duration};

use super::bytes::{Passage, Stamp, StreamBytes};
use crate::{
    link::Verdict,
    time::Time,
    wire::{
        MessageId, Probe,
        quic::{Content, contents},
    },
};

/// What a packet carries of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// Bytes of a stream.
    Stream {
        /// The stream's id.
        id: u64,
        /// Where the first of them stands.
        start: u64,
        /// Behind the last of them.
        end: u64,
    },
    /// A whole message.
    Message(MessageId),
}

/// How long a packet that should have arrived may still be opened: a server that has not accepted its client
/// yet keeps packets for later.
const LATE: Duration = Duration::from_secs(10);

/// More streams than any peer here may have open at once: an id beyond is none of an experiment's.
const MOST_STREAMS: u64 = 1 << 20;

/// The record of one direction. It holds what is under way or not released, and its memory is used again, so that
/// neither grows with the length of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The packet that was sealed and is in the datagram that is sent next.
    sealed: Option<(u64, Vec<Carried>)>,
    in_flight: VecDeque<Flight>,
    streams: Streams,
    /// Messages that came in DATAGRAM frames and have not been asked for.
    datagrams: VecDeque<(MessageId, Stamp)>,
    spare: Vec<Vec<Carried>>,
}

#[derive(Debug)]
struct Flight {
    stamp: Stamp,
    /// When its last copy arrives.
    until: Time,
    carried: Vec<Carried>,
}

impl Ledger {
    /// The datagram that enters next carries packet number `packet` with the plaintext `payload`.
    pub fn seal(&mut self, packet: u64, payload: &[u8]) {
        let mut carried = match self.sealed.take() {
            Some((_, carried)) => carried,
            None => self.spare.pop().unwrap_or_default(),
        };
        carried.clear();
        carried.extend(contents(payload).filter_map(|content| match content {
            Content::Stream { id, offset, length } => (length > 0).then(|| Carried::Stream {
                id,
                start: offset,
                end: offset.saturating_add(length),
            }),
            Content::Datagram(bytes) => Probe::parse(bytes).ok().map(|probe| Carried::Message(probe.id)),
        }));
        self.sealed = Some((packet, carried));
    }

    /// A datagram was offered to the wire at `now`. One that carries no sealed packet changes nothing.
    pub fn enter(&mut self, now: Time, verdict: &Verdict, look: impl FnOnce(&[Carried])) {
        let Some((packet, carried)) = self.sealed.take() else {
            return look(&[]);
        };
        look(&carried);
        self.forget_late(now);
        let stamp = Stamp { packet, at: now };
        let (until, dropped) = fate(verdict);
        for carried in &carried {
            if let Carried::Stream { id, start, end } = *carried
                && let Some(bytes) = self.streams.get(id)
            {
                bytes.enter((start, end), stamp, dropped);
            }
        }
        match until {
            Some(until) if !carried.is_empty() => self.in_flight.push_back(Flight { stamp, until, carried }),
            _ => self.spare.push(carried),
        }
    }

    /// Its receiver opened packet number `packet`. Where that did not accept it, a second copy will be a duplicate
    /// to it, so nothing will ever come of this packet.
    pub fn open(&mut self, packet: u64, accepted: bool) {
        let Ok(index) = self.in_flight.binary_search_by_key(&packet, |flight| flight.stamp.packet) else {
            return;
        };
        let flight = &mut self.in_flight[index];
        let (stamp, carried) = (flight.stamp, std::mem::take(&mut flight.carried));
        if accepted {
            for &carried in &carried {
                match carried {
                    Carried::Stream { id, start, end } => {
                        if let Some(bytes) = self.streams.get(id) {
                            bytes.arrive((start, end), stamp);
                        }
                    }
                    Carried::Message(id) => self.datagrams.push_back((id, stamp)),
                }
            }
        }
        self.spare.push(carried);
        while self.in_flight.front().is_some_and(|flight| flight.carried.is_empty()) {
            self.in_flight.pop_front();
        }
    }

    /// How the byte at `offset` of `stream` arrived; `None` if it has not, or was released.
    pub fn passage(&mut self, stream: u64, offset: u64) -> Option<Passage> {
        self.streams.get(stream)?.passage(offset)
    }

    /// The packet that brought the message `id`, which can be asked for once.
    pub fn datagram(&mut self, id: MessageId) -> Option<Stamp> {
        let index = self.datagrams.iter().position(|(arrived, _)| *arrived == id)?;
        self.datagrams.remove(index).map(|(_, stamp)| stamp)
    }

    /// Forgets the bytes of `stream` below `offset`.
    pub fn release(&mut self, stream: u64, offset: u64) {
        if let Some(bytes) = self.streams.get(stream) {
            bytes.forget(offset);
        }
    }

    /// Forgets `stream`.
    pub fn close(&mut self, stream: u64) {
        self.streams.close(stream);
    }

    /// Packets that came corrupted, or when nobody could open them.
    fn forget_late(&mut self, now: Time) {
        while self.in_flight.front().is_some_and(|flight| flight.until + LATE < now) {
            if let Some(Flight { carried, .. }) = self.in_flight.pop_front() {
                self.spare.push(carried);
            }
        }
    }
}

/// When the last copy arrives, if one does; and whether none arrives intact. A corrupted packet is looked out for
/// all the same: the changed bit may be in another packet of its datagram.
fn fate(verdict: &Verdict) -> (Option<Time>, bool) {
    match *verdict {
        Verdict::Deliver { at, corrupt, duplicate_at, .. } => {
            let dropped = corrupt.is_some() && duplicate_at.is_none();
            (Some(duplicate_at.map_or(at, |copy| copy.max(at))), dropped)
        }
        Verdict::Lost | Verdict::QueueFull | Verdict::TooLarge => (None, true),
    }
}

/// The bidirectional streams that the client opened: experiments use no others.
#[derive(Debug, Default)]
struct Streams {
    /// The number of the first stream that is not closed.
    first: u64,
    open: VecDeque<Option<StreamBytes>>,
    spare: Vec<StreamBytes>,
}

impl Streams {
    /// The stream's bytes, which are new to us where it is; `None` if it was closed.
    fn get(&mut self, id: u64) -> Option<&mut StreamBytes> {
        let index = self.index(id)?;
        while self.open.len() <= index {
            self.open.push_back(Some(self.spare.pop().unwrap_or_default()));
        }
        self.open[index].as_mut()
    }

    fn close(&mut self, id: u64) {
        let Some(index) = self.index(id) else { return };
        if let Some(mut bytes) = self.open.get_mut(index).and_then(Option::take) {
            bytes.clear();
            self.spare.push(bytes);
        }
        while let Some(None) = self.open.front() {
            self.open.pop_front();
            self.first += 1;
        }
    }

    /// Its place, by RFC 9000 section 2.1: the two low bits of an id tell who opened it and which ways it goes.
    fn index(&self, id: u64) -> Option<usize> {
        let number = (id & 0b11 == 0).then_some(id >> 2)?;
        let index = number.checked_sub(self.first).filter(|index| *index < MOST_STREAMS)?;
        usize::try_from(index).ok()
    }
}
