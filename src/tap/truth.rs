//! The fate of the packets of one direction, compared with the losses that their sender declared.
//!
//! The sender of a transport that retransmits infers which packets were lost. The link knows. [`Truth`] receives both,
//! and counts needless retransmissions, packets that were declared lost but arrived, and how long it took to detect a
//! loss. It reads no clock and depends on no transport: data are ranges of offsets in numbered streams.

use std::{collections::VecDeque, mem, ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    cause::LossCause,
    coverage::{Coverage, Extent},
};
use crate::{
    stats::Histogram,
    unit::{Time, nanos},
};

/// The packets declared lost for one cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Packets that the link dropped.
    pub losses: u64,
    /// Packets that arrived.
    pub false_losses: u64,
    /// The time from the entry of a dropped packet into the link until its loss was detected, summed over the packets.
    #[serde(deserialize_with = "crate::unit::saved::duration")]
    pub took: Duration,
}

/// Losses on the link and what the senders declared, as counts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TruthFigures {
    /// Packets that repeat data.
    pub resent: u64,
    /// Resent packets without new data, all of which arrived with earlier packets.
    pub needless: u64,
    /// Packets that were declared lost but arrived.
    pub false_losses: u64,
    /// Packets that the link dropped, and whose loss the sender never detected.
    pub undeclared: u64,
    /// The time from the entry of a dropped packet into the link until its sender detected the loss, in nanoseconds.
    pub detection: Histogram,
    /// By cause, in the order of [`LossCause::ALL`].
    pub by_cause: [Found; LossCause::ALL.len()],
}

impl AddAssign<&Self> for TruthFigures {
    fn add_assign(&mut self, more: &Self) {
        self.resent += more.resent;
        self.needless += more.needless;
        self.false_losses += more.false_losses;
        self.undeclared += more.undeclared;
        if more.detection.n() > 0 {
            self.detection.merge(&more.detection);
        }
        for (own, more) in self.by_cause.iter_mut().zip(&more.by_cause) {
            own.losses += more.losses;
            own.false_losses += more.false_losses;
            own.took += more.took;
        }
    }
}

impl TruthFigures {
    /// A lost packet was detected `took` after it entered the link.
    fn count_found(&mut self, took: Duration, cause: LossCause) {
        self.detection.record(nanos(took));
        let found = &mut self.by_cause[cause as usize];
        found.losses += 1;
        found.took += took;
    }

    /// A packet that arrived was declared lost.
    fn count_false(&mut self, cause: LossCause) {
        self.false_losses += 1;
        self.by_cause[cause as usize].false_losses += 1;
    }
}

/// What the link and the sender together tell about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It repeats data.
    Resent,
    /// It was resent without need; follows [`Self::Resent`].
    Needless,
    /// The link dropped it, and its sender detected the loss.
    Lost {
        /// When the sender detected it.
        at: Time,
        /// How.
        cause: LossCause,
    },
    /// Its sender declared it lost, but it arrived.
    FalselyLost {
        /// When the sender declared it lost.
        at: Time,
        /// Why.
        cause: LossCause,
    },
}

/// Follows the packets with data of one direction of a connection. It holds only packets that are on the link, or
/// dropped and not declared lost, so its memory does not grow with the length of a run.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    figures: TruthFigures,
    data: Coverage,
    /// Packets on the link, in the order of their numbers.
    in_flight: VecDeque<Packet>,
    /// Packets that did not arrive and were not declared lost.
    missing: Vec<Packet>,
    /// Resent packets that may be needless, because earlier packets with their data are on the link.
    doubtful: Vec<Doubtful>,
    spare: Vec<Vec<Extent>>,
    /// Verdicts on packets, by number, since the last [`Self::take_verdicts`]. `None` if they are not kept.
    verdicts: Option<Vec<(u64, Verdict)>>,
}

/// A packet with data.
#[derive(Debug)]
struct Packet {
    number: u64,
    /// When it entered the link.
    entered: Time,
    data: Vec<Extent>,
    /// When and why its sender first declared it lost.
    found: Option<(Time, LossCause)>,
    /// When and why it was declared lost.
    declared: Option<(Time, LossCause)>,
    /// Whether it reached its receiver and was discarded there.
    discarded: bool,
}

impl Packet {
    fn overlaps(&self, data: &[Extent]) -> bool {
        self.data.iter().any(|own| data.iter().any(|other| own.overlaps(other)))
    }

    /// Notes that its sender considers it lost. If `declares`, the sender has declared it lost.
    fn find(&mut self, now: Time, cause: LossCause, declares: bool) {
        self.found.get_or_insert((now, cause));
        if declares {
            self.declared.get_or_insert((now, cause));
        }
    }

    /// Whether the link dropped it and its sender has not detected the loss.
    fn is_undeclared(&self) -> bool {
        self.found.is_none() && !self.discarded
    }
}

#[derive(Debug)]
struct Doubtful {
    number: u64,
    /// The part of its data that has not arrived with an earlier packet.
    missing: Vec<Extent>,
}

impl Truth {
    /// Keeps verdicts on packets for [`Self::take_verdicts`].
    pub(super) fn keep_verdicts(&mut self) {
        self.verdicts.get_or_insert_default();
    }

    /// The verdicts since the last call, in the order in which they became known.
    pub(super) fn take_verdicts(&mut self) -> Vec<(u64, Verdict)> {
        self.verdicts.as_mut().map(mem::take).unwrap_or_default()
    }

    fn judge(&mut self, number: u64, verdict: Verdict) {
        if let Some(verdicts) = &mut self.verdicts {
            verdicts.push((number, verdict));
        }
    }

    /// An empty list for the data of the next packet. It reuses memory.
    pub(super) fn list(&mut self) -> Vec<Extent> {
        self.spare.pop().unwrap_or_default()
    }

    /// Packet `number` entered the link at `now` with `data`. Numbers are in sending order. If the packet repeats data,
    /// its sender considers the earlier packets with that data lost. `repeats_for` is set for a sender that does not
    /// report its losses. Then the repetition counts as their declaration, for this cause.
    pub(crate) fn sent(&mut self, number: u64, now: Time, data: Vec<Extent>, repeats_for: Option<LossCause>) {
        let (mut repeats, mut is_new) = (false, data.is_empty());
        for extent in &data {
            let (old, new) = self.data.send(extent);
            repeats |= old;
            is_new |= new;
        }
        if repeats {
            self.figures.resent += 1;
            self.judge(number, Verdict::Resent);
            self.find_lost(&data, now, repeats_for);
            let missing: Vec<Extent> = data.iter().flat_map(|extent| self.data.missing(extent)).collect();
            match missing.is_empty() {
                _ if is_new => {}
                true => self.count_needless(number),
                false => self.doubtful.push(Doubtful { number, missing }),
            }
        }
        let (found, declared, discarded) = (None, None, false);
        self.in_flight.push_back(Packet { number, entered: now, data, found, declared, discarded });
    }

    /// Marks packets with `data` as detected losses, because the data is sent again.
    fn find_lost(&mut self, data: &[Extent], now: Time, repeats_for: Option<LossCause>) {
        let (cause, declares) = (repeats_for.unwrap_or(LossCause::Probe), repeats_for.is_some());
        let mut found = false;
        for packet in self.in_flight.iter_mut().filter(|packet| packet.overlaps(data)) {
            found = true;
            packet.find(now, cause, declares);
        }
        for index in (0..self.missing.len()).rev() {
            if !self.missing[index].overlaps(data) {
                continue;
            }
            found = true;
            self.find_missing(index, now, cause, declares);
        }
        if !found && declares {
            self.figures.count_false(cause);
        }
    }

    /// The sender declared packet `number` lost at `now`.
    pub(crate) fn declared(&mut self, number: u64, now: Time, cause: LossCause) {
        if let Ok(index) = self.place(number) {
            self.in_flight[index].find(now, cause, true);
        } else if let Some(index) = self.missing.iter().position(|packet| packet.number == number) {
            self.find_missing(index, now, cause, true);
        } else {
            self.count_false(number, (now, cause));
        }
    }

    /// Packet `number` will not arrive.
    pub(crate) fn dropped(&mut self, number: u64) {
        let Some(packet) = self.take(number) else { return };
        if let Some(found) = packet.found {
            self.count_found(&packet, found);
        }
        self.keep_undeclared(packet);
        self.settle();
    }

    /// The receiver accepted packet `number`.
    pub(crate) fn arrived(&mut self, number: u64) {
        let is_late = |packet: &Packet| packet.number == number && !packet.discarded;
        let late = || self.missing.iter().position(is_late);
        let packet = match self.place(number) {
            Ok(_) => self.take(number),
            Err(_) => late().map(|index| self.missing.swap_remove(index)),
        };
        let Some(packet) = packet else { return };
        for extent in &packet.data {
            self.data.arrive(extent);
            let later = self.doubtful.iter_mut().filter(|resent| resent.number > number);
            later.for_each(|resent| resent.missing = extent.cut_from(&resent.missing));
        }
        while let Some(index) = self.doubtful.iter().position(|resent| resent.missing.is_empty()) {
            let resent = self.doubtful.remove(index);
            self.count_needless(resent.number);
        }
        if let Some(declared) = packet.declared {
            self.count_false(number, declared);
        }
        self.recycle(packet);
        self.settle();
    }

    /// Packet `number` reached its receiver and was not accepted: its data had arrived before, or was discarded.
    pub(crate) fn refused(&mut self, number: u64) {
        let Ok(index) = self.place(number) else { return };
        if self.in_flight[index].data.iter().all(|extent| self.data.has(extent)) {
            return self.arrived(number);
        }
        let Some(packet) = self.take(number) else { return };
        self.keep_undeclared(Packet { discarded: true, ..packet });
        self.settle();
    }

    /// The sender no longer waits for acknowledgements of packets below `number`.
    pub(crate) fn forget_before(&mut self, number: u64) {
        if self.missing.iter().all(|packet| packet.number >= number) {
            return;
        }
        for packet in mem::take(&mut self.missing) {
            if packet.number >= number {
                self.missing.push(packet);
            } else {
                self.figures.undeclared += u64::from(packet.is_undeclared());
                self.recycle(packet);
            }
        }
    }

    /// The state for a new connection, which numbers its packets and streams from 0 again. The counts are kept.
    pub(super) fn begun_anew(&self) -> Self {
        let verdicts = self.verdicts.as_ref().map(|_| Vec::new());
        Self { figures: self.figures(), verdicts, ..Self::default() }
    }

    /// The counts so far.
    pub(crate) fn figures(&self) -> TruthFigures {
        let undeclared = self.missing.iter().filter(|packet| packet.is_undeclared()).count() as u64;
        TruthFigures { undeclared: self.figures.undeclared + undeclared, ..self.figures.clone() }
    }

    fn place(&self, number: u64) -> Result<usize, usize> {
        self.in_flight.binary_search_by_key(&number, |packet| packet.number)
    }

    fn take(&mut self, number: u64) -> Option<Packet> {
        let index = self.place(number).ok()?;
        self.in_flight.remove(index)
    }

    /// Removes resent packets that were needed: no earlier packet is on the link any more that could bring their data.
    fn settle(&mut self) {
        if !self.doubtful.is_empty() {
            let first = self.in_flight.front().map_or(u64::MAX, |packet| packet.number);
            self.doubtful.retain(|resent| resent.number > first);
        }
    }

    /// The sender considers a packet lost that did not arrive. A packet that the receiver discarded is neither a
    /// detected nor a false loss.
    fn find_missing(&mut self, index: usize, now: Time, cause: LossCause, declares: bool) {
        let mut packet = self.missing.swap_remove(index);
        if packet.is_undeclared() {
            self.count_found(&packet, (now, cause));
        }
        packet.find(now, cause, declares);
        self.keep_undeclared(packet);
    }

    /// Keeps a packet that did not arrive, unless it was declared lost.
    fn keep_undeclared(&mut self, packet: Packet) {
        match packet.declared {
            Some(_) => self.recycle(packet),
            None => self.missing.push(packet),
        }
    }

    fn count_needless(&mut self, number: u64) {
        self.figures.needless += 1;
        self.judge(number, Verdict::Needless);
    }

    fn count_found(&mut self, packet: &Packet, (at, cause): (Time, LossCause)) {
        self.figures.count_found(at - packet.entered, cause);
        self.judge(packet.number, Verdict::Lost { at, cause });
    }

    fn count_false(&mut self, number: u64, (at, cause): (Time, LossCause)) {
        self.figures.count_false(cause);
        self.judge(number, Verdict::FalselyLost { at, cause });
    }

    fn recycle(&mut self, packet: Packet) {
        let mut data = packet.data;
        data.clear();
        self.spare.push(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// Bytes of stream 0.
    fn bytes(start: u64, end: u64) -> Vec<Extent> {
        vec![Extent { stream: 0, start, end, ends_stream: false }]
    }

    /// `count` packets of 100 bytes, a millisecond apart. Packet `n` has the bytes from `n * 100`.
    fn sent(count: u64) -> Truth {
        let mut truth = Truth::default();
        for number in 0..count {
            truth.sent(number, at(number), bytes(number * 100, number * 100 + 100), None);
        }
        truth
    }

    /// Packet `number` repeats the bytes of packet `hundred`.
    fn resend(truth: &mut Truth, number: u64, ms: u64, hundred: u64) {
        truth.sent(number, at(ms), bytes(hundred * 100, hundred * 100 + 100), None);
    }

    /// Resent, needless, false, undeclared.
    fn counts(truth: &Truth) -> [u64; 4] {
        let figures = truth.figures();
        [figures.resent, figures.needless, figures.false_losses, figures.undeclared]
    }

    fn found(truth: &Truth, cause: LossCause) -> Found {
        truth.figures().by_cause[cause as usize]
    }

    #[test]
    fn a_lost_packet_that_is_found_and_sent_again_is_a_true_loss() {
        let mut truth = sent(4);
        truth.dropped(0);
        (1..4).for_each(|number| truth.arrived(number));
        truth.declared(0, at(53), LossCause::PacketThreshold);
        resend(&mut truth, 4, 53, 0);
        truth.arrived(4);
        assert_eq!(counts(&truth), [1, 0, 0, 0]);
        assert_eq!(truth.figures().detection.max(), Some(53_000_000));
        let expected = Found { losses: 1, false_losses: 0, took: Duration::from_millis(53) };
        assert_eq!(found(&truth, LossCause::PacketThreshold), expected);
        assert!(truth.in_flight.is_empty() && truth.missing.is_empty() && truth.doubtful.is_empty());
    }

    #[test]
    fn a_packet_that_was_overtaken_by_three_is_a_false_loss_and_its_copy_is_needless() {
        let mut truth = sent(4);
        (1..4).for_each(|number| truth.arrived(number));
        truth.declared(0, at(53), LossCause::PacketThreshold);
        resend(&mut truth, 4, 53, 0);
        assert_eq!(counts(&truth), [1, 0, 0, 0], "the overtaken packet may still be lost");
        truth.arrived(0);
        assert_eq!(counts(&truth), [1, 1, 1, 0]);
        truth.arrived(4);
        assert_eq!(counts(&truth), [1, 1, 1, 0]);
    }

    #[test]
    fn a_copy_is_needed_where_every_earlier_packet_with_its_data_was_lost() {
        let mut truth = sent(1);
        truth.declared(0, at(50), LossCause::Timeout);
        resend(&mut truth, 1, 50, 0);
        // The copy comes first, then the link drops the original.
        truth.arrived(1);
        truth.dropped(0);
        assert_eq!(counts(&truth), [1, 0, 0, 0]);
        assert_eq!(found(&truth, LossCause::Timeout).losses, 1);
    }

    #[test]
    fn a_timer_that_expires_too_early_makes_a_needless_copy_even_if_the_copy_is_lost() {
        let mut truth = sent(1);
        truth.arrived(0);
        truth.declared(0, at(200), LossCause::Timeout);
        resend(&mut truth, 1, 200, 0);
        truth.dropped(1);
        assert_eq!(counts(&truth), [1, 1, 1, 1], "the lost copy was never declared lost");
        truth.forget_before(2);
        assert_eq!(counts(&truth), [1, 1, 1, 1]);
    }

    #[test]
    fn a_probe_finds_a_loss_before_it_is_declared_and_declares_none_itself() {
        let mut truth = sent(2);
        truth.dropped(0);
        truth.arrived(1);
        resend(&mut truth, 2, 90, 0);
        resend(&mut truth, 3, 90, 1);
        assert_eq!(counts(&truth), [2, 1, 0, 0], "the second of two probes repeats what arrived");
        truth.declared(0, at(140), LossCause::TimeThreshold);
        assert_eq!(counts(&truth), [2, 1, 0, 0]);
        assert_eq!(found(&truth, LossCause::TimeThreshold), Found::default(), "it was found before");
        assert_eq!(found(&truth, LossCause::Probe).took, Duration::from_millis(90));
    }

    #[test]
    fn without_declarations_a_copy_declares_the_latest_packet_with_its_data() {
        let resend = |truth: &mut Truth, number, ms| {
            truth.sent(number, at(ms), bytes(0, 100), Some(LossCause::Unknown));
        };
        let mut truth = sent(2);
        truth.arrived(0);
        resend(&mut truth, 2, 60);
        assert_eq!(counts(&truth), [1, 1, 1, 0]);
        // The copy was lost, so the next one declares a true loss. Neither copy was needed.
        truth.dropped(2);
        resend(&mut truth, 3, 120);
        assert_eq!(counts(&truth), [2, 2, 1, 0]);
        assert_eq!(truth.figures().detection.max(), Some(60_000_000));
    }

    #[test]
    fn what_a_receiver_discards_is_neither_lost_nor_a_needless_copy() {
        let mut truth = sent(3);
        truth.dropped(0);
        truth.refused(1);
        truth.refused(2);
        (0..3).for_each(|number| truth.declared(number, at(60), LossCause::DuplicateAcks));
        (0..3).for_each(|hundred| resend(&mut truth, 3 + hundred, 60, hundred));
        (3..6).for_each(|number| truth.arrived(number));
        assert_eq!(counts(&truth), [3, 0, 0, 0]);
        assert_eq!(found(&truth, LossCause::DuplicateAcks).losses, 1);
        resend(&mut truth, 6, 90, 1);
        truth.refused(6);
        assert_eq!(counts(&truth), [4, 1, 0, 0], "this one repeats what its receiver has");
    }

    #[test]
    fn a_packet_with_anything_new_is_not_needless() {
        let mut truth = sent(1);
        truth.arrived(0);
        truth.sent(1, at(9), bytes(50, 150), None);
        truth.arrived(1);
        assert_eq!(counts(&truth), [1, 0, 0, 0]);
        truth.sent(2, at(20), bytes(20, 120), None);
        assert_eq!(counts(&truth), [2, 1, 0, 0], "two packets brought its data together");
    }

    #[test]
    fn a_finished_stream_takes_no_memory_and_its_copies_are_still_needless() {
        let mut truth = Truth::default();
        let message = |truth: &mut Truth, stream| {
            let mut data = truth.list();
            data.push(Extent { stream, start: 0, end: 101, ends_stream: true });
            data
        };
        for number in 0..100_000 {
            let data = message(&mut truth, number * 4);
            truth.sent(number, at(number), data, None);
            truth.arrived(number);
        }
        assert_eq!(truth.data.streams(), 0);
        let data = message(&mut truth, 40);
        truth.sent(100_000, at(100_000), data, None);
        assert_eq!(counts(&truth), [1, 1, 0, 0]);
        assert!(truth.spare.len() <= 1 && truth.in_flight.len() == 1);
    }

    /// Packets 0 and 1 are overtaken by packet 2: 0 is lost, 1 is late. Both are declared lost and sent again.
    #[test]
    fn each_resent_packet_is_called_needless_or_not_and_each_declared_loss_true_or_false() {
        let mut truth = Truth::default();
        truth.keep_verdicts();
        for number in 0..3 {
            truth.sent(number, at(number), bytes(number * 100, number * 100 + 100), None);
        }
        truth.dropped(0);
        truth.arrived(2);
        truth.declared(0, at(50), LossCause::PacketThreshold);
        truth.declared(1, at(60), LossCause::TimeThreshold);
        resend(&mut truth, 3, 60, 0);
        resend(&mut truth, 4, 60, 1);
        truth.arrived(1);
        let lost = Verdict::Lost { at: at(50), cause: LossCause::PacketThreshold };
        let falsely = Verdict::FalselyLost { at: at(60), cause: LossCause::TimeThreshold };
        let expected =
            [(0, lost), (3, Verdict::Resent), (4, Verdict::Resent), (4, Verdict::Needless), (1, falsely)];
        assert_eq!(truth.take_verdicts(), expected);
        truth.arrived(3);
        truth.arrived(4);
        assert_eq!(truth.take_verdicts(), []);
    }

    #[test]
    fn a_packet_that_was_given_up_on_and_arrives_after_all_has_arrived() {
        let mut truth = sent(1);
        truth.dropped(0);
        truth.arrived(0);
        assert_eq!(counts(&truth), [0, 0, 0, 0]);
    }
}
