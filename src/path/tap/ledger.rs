//! One direction of a connection: packets under way, and the bytes and messages that they carry.

use std::{collections::VecDeque, time::Duration};

use super::bytes::{Passage, Stamp, StreamBytes};
use crate::{
    link::Verdict,
    unit::Time,
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
    /// Bytes of a message, in a segment of reliability by hand.
    Segment {
        /// The segment's number: the ledger has it for a byte of a stream.
        sequence: u64,
        /// Which message.
        id: MessageId,
        /// Its first byte in the segment.
        start: u64,
        /// Behind the last.
        end: u64,
    },
}

impl Carried {
    /// Where it stands in which stream.
    fn place(&self) -> Option<(u64, (u64, u64))> {
        match *self {
            Self::Stream { id, start, end } => Some((id, (start, end))),
            Self::Segment { sequence, .. } => Some((0, (sequence, sequence + 1))),
            Self::Message(_) => None,
        }
    }
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
    sealed: Option<Sealed>,
    /// Packets that were loaded so far.
    loaded: u64,
    /// Datagrams on their way to the wire, in their order.
    posted: VecDeque<(Tag, Sealed)>,
    in_flight: VecDeque<Flight>,
    streams: Streams,
    /// Messages that came as datagrams, or in DATAGRAM frames, and have not been asked for.
    datagrams: VecDeque<(MessageId, Stamp)>,
    spare: Vec<Vec<Carried>>,
}

/// A packet before it enters.
#[derive(Debug)]
struct Sealed {
    packet: u64,
    carried: Vec<Carried>,
    /// By which its receiver knows it, if not by its number.
    tag: Option<Tag>,
}

/// The beginning and the end of a datagram, by which it is known again: a segment's check is in the one, the
/// authentication tag of the last QUIC packet (RFC 9001 section 5.3) is the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag([u8; 8], [u8; 16]);

impl Tag {
    fn of(datagram: &[u8]) -> Option<Self> {
        Some(Self(*datagram.first_chunk()?, *datagram.last_chunk()?))
    }
}

#[derive(Debug)]
struct Flight {
    stamp: Stamp,
    tag: Option<Tag>,
    /// When its last copy arrives.
    until: Time,
    /// Whether the wire made two of it, and neither has come.
    doubled: bool,
    carried: Vec<Carried>,
}

impl Ledger {
    /// The datagram that enters next carries packet number `packet` with the plaintext `payload`.
    pub fn seal(&mut self, packet: u64, payload: &[u8]) {
        let mut carried = self.unused();
        carried.extend(contents(payload).filter_map(|content| match content {
            Content::Stream { id, offset, length } => (length > 0).then(|| Carried::Stream {
                id,
                start: offset,
                end: offset.saturating_add(length),
            }),
            Content::Datagram(bytes) => Probe::parse(bytes).ok().map(|probe| Carried::Message(probe.id)),
        }));
        self.sealed = Some(Sealed { packet, carried, tag: None });
    }

    /// The datagram that enters next is `datagram` and carries `what`.
    pub fn load(&mut self, datagram: &[u8], what: Carried) {
        let mut carried = self.unused();
        carried.push(what);
        self.loaded += 1;
        self.sealed = Some(Sealed { packet: self.loaded, carried, tag: Tag::of(datagram) });
    }

    /// Room for what the next packet carries.
    fn unused(&mut self) -> Vec<Carried> {
        let sealed = self.sealed.take().map(|sealed| sealed.carried);
        let mut carried = sealed.or_else(|| self.spare.pop()).unwrap_or_default();
        carried.clear();
        carried
    }

    /// A datagram was offered to the wire at `now`. One that carries no sealed packet changes nothing.
    pub fn enter(&mut self, now: Time, verdict: &Verdict, look: impl FnOnce(&[Carried])) {
        let Some(sealed) = self.sealed.take() else {
            return look(&[]);
        };
        look(&sealed.carried);
        self.enter_sealed(sealed, now, verdict);
    }

    /// The datagram with the packet that was sealed last is on its way to the wire.
    pub fn post(&mut self, datagram: &[u8]) {
        if let (Some(tag), Some(sealed)) = (Tag::of(datagram), self.sealed.take()) {
            self.posted.push_back((tag, sealed));
        }
    }

    /// A posted datagram was offered to the wire at `now`. Those posted before it that were not will not be: the way to
    /// the wire keeps the order.
    pub fn enter_posted(&mut self, datagram: &[u8], now: Time, verdict: &Verdict) {
        let tag = Tag::of(datagram);
        let Some(index) = self.posted.iter().position(|(posted, _)| Some(*posted) == tag) else {
            return;
        };
        self.spare.extend(self.posted.drain(..index).map(|(_, sealed)| sealed.carried));
        if let Some((_, sealed)) = self.posted.pop_front() {
            self.enter_sealed(sealed, now, verdict);
        }
    }

    fn enter_sealed(&mut self, sealed: Sealed, now: Time, verdict: &Verdict) {
        let Sealed { packet, carried, tag } = sealed;
        self.forget_late(now);
        let stamp = Stamp { packet, at: now };
        let (until, dropped) = fate(verdict);
        for carried in &carried {
            if let Some((stream, bytes)) = carried.place()
                && let Some(stream) = self.streams.get(stream)
            {
                stream.enter(bytes, stamp, dropped);
            }
        }
        match until {
            Some(until) if !carried.is_empty() => {
                let doubled = matches!(verdict, Verdict::Deliver { duplicate_at: Some(_), .. });
                self.in_flight.push_back(Flight { stamp, tag, until, doubled, carried });
            }
            _ => self.spare.push(carried),
        }
    }

    /// Its receiver opened packet number `packet`. Where that did not accept it, a second copy will be a duplicate
    /// to it, so nothing will ever come of this packet.
    pub fn open(&mut self, packet: u64, accepted: bool) {
        if let Ok(index) = self.in_flight.binary_search_by_key(&packet, |flight| flight.stamp.packet) {
            self.land(index, accepted);
        }
    }

    /// Its receiver took in `datagram`, which was loaded. Where that did not keep it, nothing comes of it, unless the wire
    /// has made a second one.
    pub fn unload(&mut self, datagram: &[u8], kept: bool) {
        let tag = Tag::of(datagram);
        let known = |flight: &Flight| flight.tag == tag && !flight.carried.is_empty();
        let Some(index) = tag.and_then(|_| self.in_flight.iter().position(known)) else { return };
        let doubled = std::mem::take(&mut self.in_flight[index].doubled);
        if kept || !doubled {
            self.land(index, kept);
        }
    }

    fn land(&mut self, index: usize, accepted: bool) {
        let flight = &mut self.in_flight[index];
        let (stamp, until, carried) = (flight.stamp, flight.until, std::mem::take(&mut flight.carried));
        for carried in carried.iter().filter(|_| accepted) {
            match carried.place() {
                Some((stream, bytes)) => {
                    if let Some(stream) = self.streams.get(stream) {
                        stream.arrive(bytes, stamp, until);
                    }
                }
                None => {
                    if let Carried::Message(id) = *carried {
                        self.datagrams.push_back((id, stamp));
                    }
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

    /// The message `id` is about to arrive, as a datagram of its own.
    pub fn bring(&mut self, id: MessageId, stamp: Stamp) {
        self.datagrams.push_back((id, stamp));
    }

    /// The packet that brought the message `id`, which can be asked for once. Messages are asked for in the order in
    /// which they come, so that those before it never will be.
    pub fn datagram(&mut self, id: MessageId) -> Option<Stamp> {
        let index = self.datagrams.iter().position(|(arrived, _)| *arrived == id)?;
        self.datagrams.drain(..=index).next_back().map(|(_, stamp)| stamp)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A STREAM frame with an offset and no length (RFC 9000 section 19.8), all integers 8 bytes long.
    fn frame(stream: u64, offset: u64, length: usize) -> Vec<u8> {
        let variable = |value: u64| (value | 0b11 << 62).to_be_bytes();
        [&[0x0c][..], &variable(stream), &variable(offset), &vec![0; length]].concat()
    }

    fn arrives(at: Time) -> Verdict {
        Verdict::Deliver { departs: at, at, corrupt: None, overtaking: false, duplicate_at: None }
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn a_packet_that_was_opened_and_not_accepted_brings_nothing_even_with_its_second_copy() {
        let mut ledger = Ledger::default();
        ledger.seal(1, &frame(0, 0, 100));
        ledger.enter(at(0), &arrives(at(5)), |_| ());
        ledger.open(1, false);
        ledger.open(1, true);
        assert_eq!(ledger.passage(0, 99), None);
    }

    #[test]
    fn an_unsealed_datagram_carries_nothing_and_a_sealed_one_is_taken_once() {
        let mut ledger = Ledger::default();
        ledger.seal(1, &frame(0, 0, 10));
        ledger.enter(at(0), &arrives(at(5)), |carried| assert_eq!(carried.len(), 1));
        ledger.enter(at(0), &arrives(at(5)), |carried| assert_eq!(carried, []));
    }

    #[test]
    fn a_posted_datagram_is_known_by_its_end_and_those_before_it_that_never_entered_are_forgotten() {
        let mut ledger = Ledger::default();
        let datagram = |packet: u8| [packet; 20];
        for packet in 1..=4 {
            ledger.seal(packet.into(), &frame(0, u64::from(packet) * 100, 100));
            ledger.post(&datagram(packet));
            // A second attempt to send it.
            ledger.post(&datagram(packet));
        }
        ledger.enter_posted(&datagram(9), at(0), &arrives(at(5)));
        assert_eq!(ledger.posted.len(), 4);
        ledger.enter_posted(&datagram(2), at(1), &arrives(at(5)));
        ledger.enter_posted(&datagram(1), at(2), &arrives(at(5)));
        ledger.enter_posted(&datagram(3), at(3), &Verdict::Lost);
        assert_eq!(ledger.posted.len(), 1);
        (1..=3).for_each(|packet| ledger.open(packet, true));
        let brought = |ledger: &mut Ledger, packet: u64| ledger.passage(0, packet * 100);
        assert_eq!(brought(&mut ledger, 2).map(|passage| passage.copy), Some(Stamp { packet: 2, at: at(1) }));
        assert_eq!((brought(&mut ledger, 1), brought(&mut ledger, 3)), (None, None));
    }

    #[test]
    fn a_message_that_its_receiver_lost_does_not_stay_behind() {
        let mut ledger = Ledger::default();
        let id = |seq| MessageId { flow: 0, seq };
        for seq in 0..3 {
            ledger.bring(id(seq), Stamp { packet: seq, at: at(seq) });
        }
        assert_eq!(ledger.datagram(id(1)), Some(Stamp { packet: 1, at: at(1) }));
        assert_eq!(ledger.datagram(id(0)), None);
        assert_eq!(ledger.datagrams.len(), 1);
    }

    #[test]
    fn a_late_copy_of_a_closed_stream_does_not_open_it_again() {
        let mut ledger = Ledger::default();
        for packet in 1..3 {
            ledger.seal(packet, &frame(4, 0, 100));
            ledger.enter(at(0), &arrives(at(5)), |_| ());
            ledger.open(packet, true);
            ledger.close(4);
            ledger.close(0);
        }
        assert_eq!((ledger.streams.first, ledger.streams.open.len()), (2, 0));
    }

    /// A million messages, every hundredth packet lost and sent again: what is held is what is under way.
    #[test]
    fn the_ledger_does_not_grow_with_the_length_of_a_run() {
        for per_message in [false, true] {
            let mut ledger = Ledger::default();
            let mut packet = 0;
            for message in 0..1_000_000u64 {
                let (stream, offset) = if per_message { (message << 2, 0) } else { (0, message * 100) };
                if message % 100 == 0 {
                    ledger.seal(packet, &frame(stream, offset, 100));
                    ledger.enter(at(message), &Verdict::Lost, |_| ());
                    packet += 1;
                }
                ledger.seal(packet, &frame(stream, offset, 100));
                ledger.enter(at(message), &arrives(at(message + 50)), |_| ());
                ledger.open(packet, true);
                packet += 1;
                let passage = ledger.passage(stream, offset + 99).expect("it has arrived");
                assert_eq!(passage.dropped, message % 100 == 0);
                ledger.release(stream, offset + 100);
                if per_message {
                    ledger.close(stream);
                }
            }
            assert!(ledger.in_flight.is_empty() && ledger.streams.open.len() <= 1);
            assert!(ledger.spare.len() <= 2 && ledger.streams.spare.len() <= 1);
        }
    }
}
