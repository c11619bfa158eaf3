//! One direction of a connection: packets in flight, and the bytes and messages they carry.

use std::{collections::VecDeque, time::Duration};

use super::{
    bytes::{Landed, Passage, Stamp},
    carried::{Carried, Entering, Loaded},
    cause::LossCause,
    coverage::Extent,
    sealed::{Sealed, Sealing, words},
    streams::Streams,
    truth::Truth,
};
use crate::{
    path::Exit,
    trace::{SealedPackets, Tag},
    unit::Time,
    wire::MessageId,
};

/// How long after its arrival a packet may still be decrypted. A server buffers packets until it has accepted the
/// client.
const LATE: Duration = Duration::from_secs(10);

/// The record of one direction. It holds only what is in flight or not released, and reuses its memory, so it does not
/// grow with the length of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The fate of the packets, compared with the losses that their sender declared.
    pub(super) truth: Truth,
    /// Whether only [`Self::truth`] is recorded, and not how each byte arrived.
    only_truth: bool,
    /// Whether only how each byte arrived is recorded of sealed packets.
    pub(super) without_truth: bool,
    /// Whether packets are watched, so that their frames are put into words.
    pub(super) is_watched: bool,
    /// A packet that is being encrypted.
    sealing: Option<Sealing>,
    sealed: SealedPackets<Sealed>,
    /// Number of datagrams loaded so far.
    loaded: u64,
    in_flight: VecDeque<Flight>,
    streams: Streams,
    /// Messages that arrived in datagrams or DATAGRAM frames and were not yet looked up.
    datagrams: VecDeque<(MessageId, Landed)>,
    spare: Vec<Vec<Carried>>,
}

#[derive(Debug)]
struct Flight {
    /// The packet's number on the link.
    number: u64,
    stamp: Stamp,
    tag: Option<Tag>,
    /// When its latest copy arrived.
    arrived: Option<Time>,
    /// How long it waited in the queue of the link.
    queued: Duration,
    /// Whether a copy arrived intact.
    intact: bool,
    /// Whether the link duplicated it, and the receiver has not rejected a copy.
    doubled: bool,
    /// Whether it was dropped, or its receiver has processed it.
    settled: bool,
    carried: Vec<Carried>,
}

impl Ledger {
    /// A ledger that records only the [`Truth`].
    pub(super) fn only_truth() -> Self {
        Self { only_truth: true, ..Self::default() }
    }

    /// A new connection begins.
    pub(super) fn begin(&mut self) {
        let Self { only_truth, without_truth, is_watched, .. } = *self;
        let truth = self.truth.begun_anew();
        *self = Self { truth, only_truth, without_truth, is_watched, ..Self::default() };
    }

    /// Packet number `packet` with the plaintext `payload` is about to be encrypted and sent.
    pub(crate) fn seal(&mut self, packet: u64, payload: &[u8]) {
        let carried = self.unused();
        let data = (!self.without_truth).then(|| self.truth.list());
        let mut sealing = Sealing::new(packet, payload, carried, data);
        if self.is_watched {
            sealing.words = words(payload);
        }
        self.sealing = Some(sealing);
    }

    /// The packet that was sealed last was encrypted to `ciphertext`.
    pub(crate) fn encrypted(&mut self, ciphertext: &[u8]) {
        if let (Some(sealing), Some(tag)) = (self.sealing.take(), Tag::of_ciphertext(ciphertext)) {
            let Sealing { packet, carried, data, words } = sealing;
            self.sealed.push(tag, Sealed { packet, carried, data, repeats_for: None, words });
        }
    }

    /// `datagram`, which carries `what` and is never sent again, is about to be sent.
    pub(crate) fn load(&mut self, datagram: &[u8], what: Carried) {
        self.loaded += 1;
        self.add_loaded(datagram, self.loaded, Some(what), None);
    }

    /// `datagram`, with these parts of handshake messages, is about to be sent. If it repeats a part, the earlier
    /// packets with that part count as declared lost for this `cause`.
    pub(crate) fn load_flight(&mut self, datagram: &[u8], data: Vec<Extent>, cause: LossCause) {
        self.loaded += 1;
        self.add_loaded(datagram, self.loaded, None, Some(data));
        if let Some(sealed) = self.sealed.last_mut() {
            sealed.repeats_for = Some(cause);
        }
    }

    /// The ARQ segment `datagram` is about to be sent.
    pub(crate) fn load_segment(&mut self, datagram: &[u8], segment: Loaded) {
        let Loaded { transmission, sequence, what } = segment;
        let mut data = self.truth.list();
        data.push(Extent { stream: 0, start: sequence, end: sequence + 1, ends_stream: false });
        self.add_loaded(datagram, transmission, what, Some(data));
    }

    fn add_loaded(&mut self, datagram: &[u8], packet: u64, what: Option<Carried>, data: Option<Vec<Extent>>) {
        let Some(tag) = Tag::of_segment(datagram) else { return };
        let mut carried = self.unused();
        carried.extend(what);
        self.sealed.push(tag, Sealed { packet, carried, data, repeats_for: None, words: String::new() });
    }

    /// An empty list, with reused memory.
    fn unused(&mut self) -> Vec<Carried> {
        let unsent = self.sealing.take().map(|sealing| sealing.carried);
        let mut carried = unsent.or_else(|| self.spare.pop()).unwrap_or_default();
        carried.clear();
        carried
    }

    /// `datagram` was offered to the link at `now` as packet `number`; `look` is called with what is known of it.
    /// Packets sealed earlier that did not enter the link are forgotten: packets enter in sending order.
    pub(crate) fn enter(&mut self, number: u64, datagram: &[u8], now: Time, look: impl FnOnce(Entering<'_>)) {
        let Some(index) = self.sealed.position(datagram) else { return look(Entering::default()) };
        for _ in 0..index {
            self.skip(now);
        }
        let Some((tag, sealed)) = self.sealed.pop() else { return };
        let Sealed { packet, carried, data, repeats_for, words } = sealed;
        look(Entering { carried: &carried, transmission: Some(packet), frames: &words });
        self.forget_late(now);
        let stamp = Stamp { packet, at: now };
        self.mark(&carried, stamp, false);
        if carried.is_empty() && data.is_none() {
            self.spare.push(carried);
        } else {
            let tag = tag.is_of_segment().then_some(tag);
            self.fly(number, stamp, tag, carried);
        }
        if let Some(data) = data {
            self.truth.sent(packet, now, data, repeats_for);
        }
    }

    /// Forgets a sealed packet that never entered the link: its sender could not send it.
    fn skip(&mut self, now: Time) {
        let Some((_, Sealed { packet, carried, data, repeats_for, .. })) = self.sealed.pop() else { return };
        self.spare.push(carried);
        if let Some(data) = data {
            self.truth.sent(packet, now, data, repeats_for);
            self.truth.dropped(packet);
        }
    }

    /// Packet `number` of the link, which is the message `id`, was offered at `now`.
    pub(crate) fn enter_message(&mut self, number: u64, id: MessageId, now: Time) {
        let mut carried = self.spare.pop().unwrap_or_default();
        carried.clear();
        carried.push(Carried::Message(id));
        self.forget_late(now);
        self.fly(number, Stamp { packet: number, at: now }, None, carried);
    }

    fn fly(&mut self, number: u64, stamp: Stamp, tag: Option<Tag>, carried: Vec<Carried>) {
        let (arrived, queued) = (None, Duration::ZERO);
        let (intact, doubled, settled) = (false, false, false);
        let flight = Flight { number, stamp, tag, arrived, queued, intact, doubled, settled, carried };
        self.in_flight.push_back(flight);
    }

    /// The bytes in `carried` entered the link, or were `dropped`.
    fn mark(&mut self, carried: &[Carried], stamp: Stamp, dropped: bool) {
        for carried in carried.iter().filter(|_| !self.only_truth) {
            if let Some((stream, bytes)) = carried.place()
                && let Some(stream) = self.streams.get(stream)
            {
                stream.enter(bytes, stamp, dropped);
            }
        }
    }

    /// Packet `number`, which waited in the queue for `queued`, left the link at `now`.
    pub(crate) fn leave(&mut self, number: u64, now: Time, queued: Duration, exit: Exit) {
        let Ok(index) = self.in_flight.binary_search_by_key(&number, |flight| flight.number) else { return };
        let flight = &mut self.in_flight[index];
        match exit {
            Exit::Dropped(_) => self.drop_flight(index),
            Exit::Arrived { intact, more } => {
                flight.arrived = Some(now);
                flight.queued = queued;
                flight.intact |= intact;
                flight.doubled |= more;
                // It may still be opened: the changed bit may be in another packet of the datagram.
                if !flight.intact && !more {
                    let (stamp, carried) = (flight.stamp, std::mem::take(&mut flight.carried));
                    self.mark(&carried, stamp, true);
                    self.in_flight[index].carried = carried;
                    self.truth.dropped(stamp.packet);
                }
            }
        }
    }

    /// Packet `number`, a message of its own, reached its receiver intact.
    pub(crate) fn bring(&mut self, number: u64) {
        if let Ok(index) = self.in_flight.binary_search_by_key(&number, |flight| flight.number) {
            self.land(index, true);
        }
    }

    fn drop_flight(&mut self, index: usize) {
        let flight = &mut self.in_flight[index];
        let (stamp, carried) = (flight.stamp, std::mem::take(&mut flight.carried));
        flight.settled = true;
        self.mark(&carried, stamp, true);
        self.spare.push(carried);
        self.truth.dropped(stamp.packet);
        self.forget_settled();
    }

    /// The receiver opened packet number `packet`. Unless it `accepted` the frames, the packet has no effect: the
    /// receiver rejects a second copy as a duplicate.
    pub(crate) fn open(&mut self, packet: u64, accepted: bool) {
        if let Ok(index) = self.in_flight.binary_search_by_key(&packet, |flight| flight.stamp.packet) {
            self.land(index, accepted);
        }
    }

    /// The receiver processed `datagram`, an ARQ segment. Unless it `kept` the content, the datagram has no effect,
    /// except if the link made a second copy.
    pub(crate) fn unload(&mut self, datagram: &[u8], kept: bool) {
        let tag = Tag::of_segment(datagram);
        let known = |flight: &Flight| flight.tag == tag && !flight.settled;
        let Some(index) = tag.and_then(|_| self.in_flight.iter().position(known)) else { return };
        let doubled = std::mem::take(&mut self.in_flight[index].doubled);
        if kept || !doubled {
            self.land(index, kept);
        }
    }

    fn land(&mut self, index: usize, accepted: bool) {
        let flight = &mut self.in_flight[index];
        if std::mem::replace(&mut flight.settled, true) {
            return;
        }
        let (stamp, carried) = (flight.stamp, std::mem::take(&mut flight.carried));
        let landed = Landed { stamp, at: flight.arrived.unwrap_or(stamp.at), queued: flight.queued };
        match accepted {
            true => self.truth.arrived(stamp.packet),
            false => self.truth.refused(stamp.packet),
        }
        for carried in carried.iter().filter(|_| accepted && !self.only_truth) {
            match carried.place() {
                Some((stream, bytes)) => {
                    if let Some(stream) = self.streams.get(stream) {
                        stream.arrive(bytes, landed);
                    }
                }
                None => {
                    if let Carried::Message(id) = *carried {
                        self.datagrams.push_back((id, landed));
                    }
                }
            }
        }
        self.spare.push(carried);
        self.forget_settled();
    }

    /// How the byte at `offset` of `stream` arrived; `None` if it has not, or was released.
    pub(crate) fn passage(&mut self, stream: u64, offset: u64) -> Option<Passage> {
        self.streams.get(stream)?.passage(offset)
    }

    /// The packet that brought the message `id`. Looking up a message forgets it and those that arrived before it.
    pub(crate) fn datagram(&mut self, id: MessageId) -> Option<Landed> {
        let index = self.datagrams.iter().position(|(arrived, _)| *arrived == id)?;
        self.datagrams.drain(..=index).next_back().map(|(_, landed)| landed)
    }

    /// Forgets the bytes of `stream` below `offset`.
    pub(crate) fn release(&mut self, stream: u64, offset: u64) {
        if let Some(bytes) = self.streams.get(stream) {
            bytes.forget(offset);
        }
    }

    /// Forgets `stream`.
    pub(crate) fn close(&mut self, stream: u64) {
        self.streams.close(stream);
    }

    fn forget_settled(&mut self) {
        while self.in_flight.front().is_some_and(|flight| flight.settled) {
            self.in_flight.pop_front();
        }
    }

    /// Forgets packets that arrived long ago and were never opened.
    fn forget_late(&mut self, now: Time) {
        let is_late = |flight: &Flight| flight.arrived.is_some_and(|arrived| arrived + LATE < now);
        while self.in_flight.front().is_some_and(is_late) {
            if let Some(Flight { carried, stamp, .. }) = self.in_flight.pop_front() {
                self.spare.push(carried);
                // The receiver's host lost it.
                self.truth.dropped(stamp.packet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::DropReason;

    const ARRIVED: Exit = Exit::Arrived { intact: true, more: false };

    /// A STREAM frame with an offset and no length (RFC 9000 section 19.8), all integers 8 bytes long.
    fn frame(stream: u64, offset: u64, length: usize) -> Vec<u8> {
        let variable = |value: u64| (value | 0b11 << 62).to_be_bytes();
        [&[0x0c][..], &variable(stream), &variable(offset), &vec![0; length]].concat()
    }

    /// The ciphertext of a packet.
    fn datagram(packet: u64) -> Vec<u8> {
        [packet.to_be_bytes(); 3].concat()
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn seal(ledger: &mut Ledger, packet: u64, payload: &[u8]) {
        ledger.seal(packet, payload);
        ledger.encrypted(&datagram(packet));
    }

    /// Seals a packet, which enters and leaves the link under its own number.
    fn send(ledger: &mut Ledger, packet: u64, payload: &[u8], sent: Time, exit: Exit) {
        seal(ledger, packet, payload);
        ledger.enter(packet, &datagram(packet), sent, |_| ());
        ledger.leave(packet, sent + Duration::from_millis(5), Duration::ZERO, exit);
    }

    #[test]
    fn a_packet_that_was_opened_and_not_accepted_brings_nothing_even_with_its_second_copy() {
        let mut ledger = Ledger::default();
        send(&mut ledger, 1, &frame(0, 0, 100), at(0), ARRIVED);
        ledger.open(1, false);
        ledger.open(1, true);
        assert_eq!(ledger.passage(0, 99), None);
    }

    #[test]
    fn a_datagram_that_was_not_sealed_carries_nothing_and_a_sealed_one_is_taken_once() {
        let mut ledger = Ledger::default();
        seal(&mut ledger, 1, &frame(0, 0, 10));
        ledger.enter(0, &datagram(7), at(0), |entering| assert_eq!(entering.carried, []));
        ledger.enter(1, &datagram(1), at(0), |entering| assert_eq!(entering.carried.len(), 1));
        ledger.enter(2, &datagram(1), at(0), |entering| assert_eq!(entering.carried, []));
    }

    #[test]
    fn a_sealed_packet_is_known_by_its_end_and_those_before_it_that_never_entered_are_forgotten() {
        let mut ledger = Ledger::default();
        for packet in 1..=4 {
            seal(&mut ledger, packet, &frame(0, packet * 100, 100));
        }
        for (number, packet, exit) in [(0, 9, ARRIVED), (1, 2, ARRIVED), (2, 1, ARRIVED), (3, 3, LOST)] {
            ledger.enter(number, &datagram(packet), at(number), |_| ());
            ledger.leave(number, at(number + 5), Duration::ZERO, exit);
        }
        assert_eq!(ledger.sealed.len(), 1);
        (1..=3).for_each(|packet| ledger.open(packet, true));
        let brought = |ledger: &mut Ledger, packet: u64| ledger.passage(0, packet * 100);
        assert_eq!(brought(&mut ledger, 2).map(|passage| passage.copy), Some(Stamp { packet: 2, at: at(1) }));
        assert_eq!((brought(&mut ledger, 1), brought(&mut ledger, 3)), (None, None));
    }

    const LOST: Exit = Exit::Dropped(DropReason::Lost);

    #[test]
    fn a_corrupted_packet_counts_as_dropped_unless_its_copy_is_intact() {
        let corrupted = |more| Exit::Arrived { intact: false, more };
        for (exits, dropped) in
            [(&[corrupted(false)][..], true), (&[corrupted(true), ARRIVED], false), (&[ARRIVED], false)]
        {
            let mut ledger = Ledger::default();
            seal(&mut ledger, 1, &frame(0, 0, 100));
            ledger.enter(0, &datagram(1), at(0), |_| ());
            exits.iter().for_each(|exit| ledger.leave(0, at(5), Duration::ZERO, *exit));
            send(&mut ledger, 2, &frame(0, 0, 100), at(9), ARRIVED);
            ledger.open(2, true);
            assert_eq!(ledger.passage(0, 99).map(|passage| passage.dropped), Some(dropped), "{exits:?}");
        }
    }

    #[test]
    fn bytes_are_followed_even_where_repetitions_are_not_counted() {
        for (without_truth, resent) in [(false, 1), (true, 0)] {
            let mut ledger = Ledger { without_truth, ..Ledger::default() };
            send(&mut ledger, 1, &frame(0, 0, 100), at(0), LOST);
            send(&mut ledger, 2, &frame(0, 0, 100), at(9), ARRIVED);
            ledger.open(2, true);
            assert_eq!(ledger.passage(0, 99).map(|passage| passage.dropped), Some(true));
            assert_eq!(ledger.truth.figures().resent, resent);
        }
    }

    #[test]
    fn a_message_that_its_receiver_lost_does_not_stay_behind() {
        let mut ledger = Ledger::default();
        let id = |seq| MessageId { flow: 0, seq };
        for seq in 0..3 {
            ledger.enter_message(seq, id(seq), at(seq));
            ledger.leave(seq, at(seq + 5), Duration::ZERO, ARRIVED);
            ledger.bring(seq);
        }
        assert_eq!(ledger.datagram(id(1)).map(|landed| landed.stamp), Some(Stamp { packet: 1, at: at(1) }));
        assert_eq!(ledger.datagram(id(0)), None);
        assert_eq!((ledger.datagrams.len(), ledger.in_flight.len()), (1, 0));
    }

    #[test]
    fn a_late_copy_of_a_closed_stream_does_not_open_it_again() {
        let mut ledger = Ledger::default();
        for packet in 1..3 {
            send(&mut ledger, packet, &frame(4, 0, 100), at(0), ARRIVED);
            ledger.open(packet, true);
            ledger.close(4);
            ledger.close(0);
        }
        let [client, _] = &ledger.streams.opened;
        assert_eq!((client.first, client.open.len()), (2, 0));
    }

    #[test]
    fn the_streams_of_client_and_server_have_their_own_bytes() {
        let mut ledger = Ledger::default();
        send(&mut ledger, 1, &frame(0, 0, 100), at(0), ARRIVED);
        send(&mut ledger, 2, &frame(1, 0, 100), at(1), ARRIVED);
        // A stream in one direction only.
        send(&mut ledger, 3, &frame(2, 0, 100), at(2), ARRIVED);
        (1..=3).for_each(|packet| ledger.open(packet, true));
        let packet =
            |ledger: &mut Ledger, stream| ledger.passage(stream, 99).map(|passage| passage.copy.packet);
        assert_eq!([0, 1, 2].map(|stream| packet(&mut ledger, stream)), [Some(1), Some(2), None]);
        ledger.close(1);
        assert_eq!([0, 1].map(|stream| packet(&mut ledger, stream)), [Some(1), None]);
    }

    /// A million messages, every hundredth packet lost and sent again: only what is in flight is held.
    #[test]
    fn the_ledger_does_not_grow_with_the_length_of_a_run() {
        for per_message in [false, true] {
            let mut ledger = Ledger::default();
            let mut packet = 0;
            for message in 0..1_000_000u64 {
                let (stream, offset) = if per_message { (message << 2, 0) } else { (0, message * 100) };
                if message % 100 == 0 {
                    send(&mut ledger, packet, &frame(stream, offset, 100), at(message), LOST);
                    packet += 1;
                }
                send(&mut ledger, packet, &frame(stream, offset, 100), at(message), ARRIVED);
                ledger.open(packet, true);
                packet += 1;
                let passage = ledger.passage(stream, offset + 99).expect("it has arrived");
                assert_eq!(passage.dropped, message % 100 == 0);
                ledger.release(stream, offset + 100);
                if per_message {
                    ledger.close(stream);
                }
            }
            assert!(ledger.in_flight.is_empty() && ledger.sealed.len() == 0);
            assert!(ledger.streams.opened[0].open.len() <= 1);
            assert!(ledger.spare.len() <= 2 && ledger.streams.spare.len() <= 1);
        }
    }
}
