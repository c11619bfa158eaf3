//! What can be watched of a run beside its figures: every message, and every packet.

use std::time::Duration;

use crate::{
    capture::Recording,
    channel::Delivery,
    experiment::{
        plan::Plan,
        record::budget::Budget,
        workload::{Scheduled, Workload},
    },
    path::{Exit, Observer, PacketView, Side},
    tap::{Carried, Entering, Seen, Verdict},
    transport::{OrderedUnit, Transport},
    unit::Time,
    wire::MessageId,
};

/// The fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its reply came back intact.
    Delivered,
    /// A datagram transport did not bring it back.
    Lost,
    /// A reliable transport had not brought it back when patience ended, or had no connection to send it on.
    Unfinished,
    /// The server went away before it could answer.
    Unknown,
}

/// A message of the measured time, once its fate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Which message.
    pub id: MessageId,
    /// When it was due.
    pub due: Time,
    /// When it was handed to the transport, if it was.
    pub sent: Option<Time>,
    /// The request at the server: of two copies, the one whose reply came first.
    pub server: Option<Delivery>,
    /// The reply at the client.
    pub client: Option<Delivery>,
    /// Where its time went; `None` if it did not come back, or if the path does not know it.
    pub budget: Option<Budget>,
    /// Its fate.
    pub status: Status,
}

impl Sample {
    /// How long it took, if it was delivered: to the reply, or to the server where there are no replies.
    pub fn latency(&self) -> Option<Duration> {
        let end =
            self.client.as_ref().or(self.server.as_ref().filter(|_| self.status == Status::Delivered))?;
        Some(end.released - self.due)
    }
}

/// A packet of a run as it enters the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedPacket {
    /// The end that sent it.
    pub from: Side,
    /// Its place among the packets of this end, from 0.
    pub number: u64,
    /// When it entered the link.
    pub entered: Time,
    /// Its size with IP and UDP header.
    pub ip_bytes: usize,
    /// The parts of messages that it carries, in order.
    pub portions: Vec<Portion>,
    /// The number that its sender gave it, if the transport numbers packets and their loss is followed.
    pub transmission: Option<u64>,
    /// Its QUIC frames in words; empty for other transports.
    pub frames: String,
}

/// What happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketEvent {
    /// It entered the link.
    Entered(LoggedPacket),
    /// It left the link.
    Left {
        /// The end that sent it.
        from: Side,
        /// Its place among the packets of this end, from 0.
        number: u64,
        /// When it left.
        at: Time,
        /// How it left.
        exit: Exit,
    },
    /// It was judged after it had entered the link.
    Judged {
        /// The end that sent it.
        from: Side,
        /// [`LoggedPacket::transmission`].
        transmission: u64,
        /// The verdict.
        verdict: Verdict,
    },
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Which message.
    pub id: MessageId,
    /// The offset of the first byte of the part.
    pub start: u64,
    /// The offset behind the last.
    pub end: u64,
}

/// Is shown messages, in the order in which their outcome is known.
pub type SampleSink = Box<dyn FnMut(&Sample) + Send>;
/// Is shown what happens to packets, including those of the handshake and of the warm-up.
pub(crate) type PacketLog = Box<dyn FnMut(PacketEvent) + Send>;

/// What a run is watched by.
#[derive(Default)]
pub struct Observers {
    /// Every message of the measured time.
    pub samples: Option<SampleSink>,
    /// Every packet.
    pub packets: Option<PacketLog>,
    /// An observer of every packet on the path.
    pub wire: Option<Box<dyn Observer>>,
    /// The recording of the run.
    pub recording: Recording,
    /// Whether to follow the losses that QUIC declares. Without it the [truth](super::outcome::Outcome::truth) about
    /// QUIC is not known. It takes a tenth of the time of a run.
    pub follows_losses: bool,
}

impl LoggedPacket {
    /// A packet of a run of `plan`.
    fn new(packet: &PacketView<'_>, entering: Entering<'_>, plan: &Plan, layout: Option<&Layout>) -> Self {
        let Plan { transport, ref workload, .. } = *plan;
        let Entering { carried, transmission, frames } = entering;
        let from = Side::sending(packet.direction);
        let length = match from {
            Side::Client => workload.length,
            Side::Server => workload.reply_length,
        } as u64;
        let mut portions: Vec<Portion> = Vec::new();
        for carried in carried {
            match *carried {
                Carried::Message(id) => portions.push(Portion { id, start: 0, end: length }),
                Carried::Segment { id, start, end, .. } => portions.push(Portion { id, start, end }),
                Carried::Tcp { place, start, end } => {
                    portions.push(Portion { id: workload.id(place), start, end });
                }
                // Reports to the sender of a video belong to no message.
                Carried::Stream { .. } if length == 0 => {}
                Carried::Stream { id, start, end } => {
                    let portion = |(place, start, end)| Portion {
                        id: on_stream(transport, workload, id, place),
                        start,
                        end,
                    };
                    match layout.filter(|_| from == Side::Client) {
                        Some(layout) => portions.extend(layout.parts(start, end).map(portion)),
                        None => portions.extend(parts(length, start, end).map(portion)),
                    }
                }
            }
        }
        let PacketView { number, at: entered, ip_bytes, .. } = *packet;
        Self { from, number, entered, ip_bytes, portions, transmission, frames: frames.to_owned() }
    }
}

impl PacketEvent {
    /// What the order instrument has seen in a run of `plan`.
    pub(in crate::experiment) fn of(seen: Seen<'_>, plan: &Plan, layout: Option<&Layout>) -> Self {
        match seen {
            Seen::Entered(packet, entering) => {
                Self::Entered(LoggedPacket::new(packet, entering, plan, layout))
            }
            Seen::Judged(direction, transmission, verdict) => {
                Self::Judged { from: Side::sending(direction), transmission, verdict }
            }
            Seen::Left(packet, exit) => {
                let PacketView { number, at, .. } = *packet;
                Self::Left { from: Side::sending(packet.direction), number, at, exit }
            }
        }
    }
}

/// The parts of messages of `length` from `start` to `end` of a stream, as [`Layout::parts`].
fn parts(length: u64, start: u64, end: u64) -> impl Iterator<Item = (u64, u64, u64)> {
    (start / length..end.div_ceil(length))
        .map(move |place| (place, start.saturating_sub(place * length), (end - place * length).min(length)))
}

/// Where the messages of a stream lie whose sizes differ.
pub(in crate::experiment) struct Layout {
    /// The offset behind each message.
    ends: Vec<u64>,
}

impl Layout {
    /// The stream of the client, if it sends all frames of a video on one.
    pub(in crate::experiment) fn of(plan: &Plan, seed: u64) -> Option<Self> {
        let Plan { transport, workload, .. } = plan;
        let is_one =
            workload.application.video().is_some() && transport.ordered_unit() != OrderedUnit::Message;
        let sizes =
            |unit: Scheduled| unit.messages().map(|message| message.last.unwrap_or(workload.length) as u64);
        let end = |end: &mut u64, size: u64| {
            *end += size;
            Some(*end)
        };
        let ends = || workload.schedule(Time::ZERO, seed).flat_map(sizes).scan(0, end).collect();
        is_one.then(|| Self { ends: ends() })
    }

    /// The parts of messages from `start` to `end` of the stream: the place of each message, and the offsets in it.
    fn parts(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64, u64)> {
        let first = self.ends.partition_point(|behind| *behind <= start);
        let begin = move |place: usize| place.checked_sub(1).map_or(0, |before| self.ends[before]);
        (first..self.ends.len()).take_while(move |place| begin(*place) < end).map(move |place| {
            let (from, to) = (begin(place), self.ends[place]);
            (place as u64, start.max(from) - from, end.min(to) - from)
        })
    }
}

/// The `place`-th message of a stream. The client opens its streams in the order of flows or of messages, and a
/// reply goes where its request came from.
fn on_stream(transport: Transport, workload: &Workload, stream: u64, place: u64) -> MessageId {
    // RFC 9000 section 2.1: the client's bidirectional streams are numbered in steps of four.
    let number = stream >> 2;
    match transport.ordered_unit() {
        OrderedUnit::All => workload.id(place),
        OrderedUnit::Flow => MessageId { flow: number as u32, seq: place },
        // A frame has a stream of its own, on which its place tells a message from the others.
        OrderedUnit::Message if workload.application.video().is_some() => {
            MessageId { flow: u32::try_from(place).unwrap_or(u32::MAX), seq: number }
        }
        OrderedUnit::Message => workload.id(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_a_stream_is_told_as_parts_of_messages_of_their_own_sizes() {
        let layout = Layout { ends: vec![1000, 1400, 2400] };
        let parts = |start, end| layout.parts(start, end).collect::<Vec<_>>();
        assert_eq!(parts(900, 1500), [(0, 900, 1000), (1, 0, 400), (2, 0, 100)]);
        assert_eq!(parts(1000, 1400), [(1, 0, 400)]);
        assert_eq!(parts(2400, 2500), [], "behind the last message");
    }
}
