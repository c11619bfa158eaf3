//! The second run: collects the packets and messages of the episode.

use std::{collections::BTreeMap, time::Duration};

use super::find::{Found, Interest};
use crate::{
    channel::{Cause, Delivery},
    experiment::{LoggedPacket, PacketEvent, Plan, Sample, Workload},
    path::{Exit, Side},
    report::episode::{Carries, DetectedLoss, End, Episode, Fate, Numbered, Packet, Resent, Subject, Wait},
    tap::Verdict,
    unit::{Time, nanos},
    wire::MessageId,
};

/// How long before the first message waits its blocker may have been sent.
const BEFORE: Duration = Duration::from_secs(10);
/// Packets with messages shown before the subject's, for context.
const PRELUDE: usize = 2;

/// Collects one episode.
pub(super) struct Collector {
    found: Found,
    /// Releases within this time of each other count as one.
    same_release: Duration,
    packets: Vec<Collected>,
    waits: Vec<Delivery>,
    subject: Option<Delivery>,
}

/// A packet and its fate.
struct Collected {
    packet: LoggedPacket,
    /// When its first intact copy arrived.
    arrived: Option<Time>,
    /// Whether no copy arrives intact.
    dropped: bool,
    resent: Option<Resent>,
    loss: Option<DetectedLoss>,
}

impl Collected {
    fn left(&mut self, at: Time, exit: Exit) {
        match exit {
            Exit::Arrived { intact: true, .. } => {
                self.arrived.get_or_insert(at);
            }
            Exit::Arrived { more: true, .. } => {}
            Exit::Arrived { .. } | Exit::Dropped(_) => self.dropped = self.arrived.is_none(),
        }
    }

    fn judged(&mut self, verdict: Verdict) {
        let loss = |at: Time, by, arrived| Some(DetectedLoss { at_ns: at.as_nanos(), by, arrived });
        match verdict {
            Verdict::Resent => self.resent = Some(Resent::Needed),
            Verdict::Needless => self.resent = Some(Resent::Needless),
            Verdict::Lost { at, cause } => self.loss = loss(at, cause, false),
            Verdict::FalselyLost { at, cause } => self.loss = loss(at, cause, true),
        }
    }
}

impl Collector {
    pub(super) fn new(found: Found, same_release: Duration) -> Self {
        Self { found, same_release, packets: Vec::new(), waits: Vec::new(), subject: None }
    }

    /// Records an event of a packet.
    pub(super) fn packet(&mut self, event: PacketEvent) {
        match event {
            PacketEvent::Entered(packet) => {
                if packet.entered + BEFORE >= self.found.from && packet.entered <= self.found.until {
                    let (arrived, dropped, resent, loss) = (None, false, None, None);
                    self.packets.push(Collected { packet, arrived, dropped, resent, loss });
                }
            }
            PacketEvent::Judged { from, transmission, verdict } => {
                let mut packets = self.packets.iter_mut().rev();
                let known = packets.find(|Collected { packet, .. }| {
                    (packet.from, packet.transmission) == (from, Some(transmission))
                });
                if let Some(known) = known {
                    known.judged(verdict);
                }
            }
            PacketEvent::Left { from, number, at, exit } => {
                let mut packets = self.packets.iter_mut().rev();
                let known = packets.find(|known| known.packet.from == from && known.packet.number == number);
                if let Some(known) = known {
                    known.left(at, exit);
                }
            }
        }
    }

    /// Records a message.
    pub(super) fn sample(&mut self, sample: &Sample) {
        let delivery = match self.found.at {
            Side::Server => sample.server,
            Side::Client => sample.client,
        };
        let Some(delivery) = delivery else { return };
        let until = self.found.until;
        let apart = delivery.released.since(until).max(until.since(delivery.released));
        if delivery.blocked_by == Some(self.found.subject) && apart <= self.same_release {
            self.waits.push(delivery);
        }
        if sample.id == self.found.subject {
            self.subject = Some(delivery);
        }
    }

    /// The episode.
    pub(super) fn episode(&self, plan: &Plan, seed: u64) -> Episode {
        let at = end(self.found.at);
        let waits = self.waits(&plan.workload);
        let subject = self.subject(&plan.workload);
        let mut packets = self.drawn(&plan.workload);
        // An arrival comes before the packets sent in response.
        packets.sort_by_key(|packet| (packet.at(at), packet.from == at));
        let packets = self.cut(packets, &subject, waits.first());
        Episode { transport: plan.transport.name().to_owned(), seed, at, subject, waits, packets }
    }

    /// Packets to the observed end that carry bytes of the subject.
    fn of_subject(&self) -> impl Iterator<Item = &Collected> {
        let Found { at, subject, .. } = self.found;
        let carries =
            move |known: &&Collected| known.packet.portions.iter().any(|portion| portion.id == subject);
        self.packets.iter().filter(move |known| known.packet.from != at).filter(carries)
    }

    fn subject(&self, workload: &Workload) -> Subject {
        let entered = self.subject.and_then(|delivery| delivery.entered);
        // Only the packets of a warm-up message are known.
        let first = self.of_subject().next().map(|known| known.packet.entered);
        let entered = entered.map(|entered| entered.first).or(first).unwrap_or(self.found.from);
        let known = self.subject.and_then(|delivery| delivery.arrived);
        let arrived = known.or((self.found.interest == Interest::Stall).then_some(self.found.until));
        Subject {
            message: numbered(workload, self.found.subject),
            entered_ns: entered.as_nanos(),
            arrived_ns: arrived.map(Time::as_nanos),
            fate: self.fate(),
        }
    }

    fn fate(&self) -> Fate {
        match self.found.interest {
            Interest::Gone => Fate::Gone,
            Interest::Unharmed => Fate::Unharmed,
            // It was only slow, but was declared lost and sent again.
            Interest::Recovery if !self.of_subject().any(|known| known.dropped) => Fate::Overtaken,
            Interest::Recovery => Fate::Lost,
            Interest::Stall => match self.waits.first().and_then(|wait| wait.cause) {
                Some(Cause::Reorder) => Fate::Overtaken,
                Some(Cause::Sender) => Fate::SentLate,
                Some(Cause::Loss) | None => Fate::Lost,
            },
        }
    }

    fn waits(&self, workload: &Workload) -> Vec<Wait> {
        let wait = |delivery: &Delivery| Wait {
            message: numbered(workload, delivery.probe.id),
            arrived_ns: delivery.arrived.unwrap_or(delivery.released).as_nanos(),
            released_ns: delivery.released.as_nanos(),
        };
        let mut waits: Vec<Wait> = self.waits.iter().map(wait).collect();
        waits.sort_by_key(|wait| (wait.arrived_ns, wait.message));
        waits
    }

    /// The packets for the ladder, in the order in which they were sent.
    fn drawn(&self, workload: &Workload) -> Vec<Packet> {
        let transit = [Side::Client, Side::Server].map(|from| self.transit(from));
        // How much of each message has been sent, by direction.
        let mut sent = BTreeMap::new();
        let mut packets = Vec::with_capacity(self.packets.len());
        for Collected { packet, arrived, dropped, resent, loss } in &self.packets {
            let carries = packet.portions.iter().map(|portion| {
                let end = sent.entry((packet.from as u8, portion.id)).or_insert(0);
                let again = portion.start < *end;
                *end = portion.end.max(*end);
                Carries { message: numbered(workload, portion.id), again }
            });
            let usual = packet.entered + transit[packet.from as usize];
            packets.push(Packet {
                from: end(packet.from),
                entered_ns: packet.entered.as_nanos(),
                arrives_ns: arrived.unwrap_or(usual).as_nanos(),
                lost: *dropped,
                carries: carries.collect(),
                resent: *resent,
                loss: *loss,
                frames: packet.frames.clone(),
            });
        }
        packets
    }

    /// The shortest transit: when a lost packet would have arrived.
    fn transit(&self, from: Side) -> Duration {
        let packets = self.packets.iter().filter(|known| known.packet.from == from);
        packets.filter_map(|known| Some(known.arrived? - known.packet.entered)).min().unwrap_or_default()
    }

    /// Cuts `packets`, ordered as the observed end sees them, to those from shortly before the subject or the first
    /// wait to the release, without what that end sends at the release.
    fn cut(&self, mut packets: Vec<Packet>, subject: &Subject, first: Option<&Wait>) -> Vec<Packet> {
        let (at, until) = (end(self.found.at), self.found.until.as_nanos());
        packets.retain(|packet| packet.at(at) < until || packet.at(at) == until && packet.from != at);
        let brings = |packet: &Packet| {
            packet.from != at && packet.carries.iter().any(|carries| carries.message == subject.message)
        };
        // Packets that arrive together with the missing one add nothing.
        if let Some(last) = packets.iter().rposition(|packet| packet.at(at) == until && brings(packet)) {
            packets.truncate(last + 1);
        }
        let entered = |packet: &&Packet| packet.entered_ns == subject.entered_ns && brings(packet);
        let seen = packets.iter().find(entered).map(|packet| packet.at(at));
        let begins = seen.into_iter().chain(first.map(|wait| wait.arrived_ns)).min();
        let begins = begins.unwrap_or(nanos(self.found.from - Time::ZERO));
        let index = packets.partition_point(|packet| packet.at(at) < begins);
        let before = packets[..index].iter().enumerate().rev();
        let mut loaded = before.filter(|(_, packet)| packet.from != at && !packet.carries.is_empty());
        let start = loaded.nth(PRELUDE - 1).map_or(index, |(place, _)| place);
        packets.split_off(start)
    }
}

fn end(side: Side) -> End {
    match side {
        Side::Client => End::Client,
        Side::Server => End::Server,
    }
}

fn numbered(workload: &Workload, id: MessageId) -> Numbered {
    Numbered { number: workload.number(id), flow: id.flow }
}
